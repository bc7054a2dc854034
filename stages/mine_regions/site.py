"""One site: its regions to a store, its quality to a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mcdrl.artifacts.dictionary import BACKGROUND, CLASSES
from mcdrl.artifacts.features import FEATURES, PROVENANCE
from mcdrl.artifacts.frames import FRAMES, judged_of, lesion_of
from mcdrl.artifacts.regions import REGIONS
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.parallel import batches
from mcdrl.base.runtime import progress
from mcdrl.imaging.flips import UNFLIPPED, flips_of, member
from mcdrl.regions.quality import Quality
from mcdrl.regions.zero_shot import Regions, mine
from mcdrl.study.sections.mine_regions import Params

Array = np.ndarray[Any, np.dtype[Any]]
_BATCH = 32  # frames in memory


def read_classes(path: Path, lesion_classes: Sequence[str]) -> tuple[Array, Array | None, str]:
    """Return the class texts [K, D] float32 in the order of `lesion_classes`, the background's, and the fingerprint.

    The background's is [D] float32, or None where the file has none; the fingerprint is the encoder's.

    Raises:
        InputError: the file is missing or damaged, or its classes aren't `lesion_classes`.
    """
    rows = CLASSES.read(path).set_index("lesion_class")
    for name in lesion_classes:
        if name not in rows.index:
            raise InputError(f"{path} has no class '{name}' ({nearest(name, rows.index)}); run `dvc repro`")
    found = {name: np.asarray(vector, np.float32) for name, vector in rows["embedding"].items()}
    texts = np.stack([found[name] for name in lesion_classes])
    return texts, found.get(BACKGROUND), CLASSES.read_metadata(path)["fingerprint"]


def check_fit(features: StoreReader, frames: StoreReader, classes: Path, width: int, fingerprint: str) -> None:
    """Check that features, frames and class texts belong together.

    Raises:
        InputError: names the two files that don't.
    """
    found = features.attributes["fingerprint"]
    if found != fingerprint:
        raise InputError(
            f"{features.path} was made by the backbone {found[:12]}, {classes} by {fingerprint[:12]}; run `dvc repro`"
        )
    if set(features.case_ids) != set(frames.case_ids):
        raise InputError(f"{features.path} and {frames.path} hold different frames; run `dvc repro`")
    if len(features) and features.shape("dense")[-1] != width:
        raise InputError(
            f"{features.path} has features of width {features.shape('dense')[-1]}, "
            f"{classes} texts of width {width}; run `dvc repro`"
        )


def mine_site(
    site: str, features: Path, classes: Path, frames: Path, lesion_classes: Sequence[str], params: Params, out: Path
) -> dict[str, Any]:
    """Write a site's regions to `out` and return its row of quality.parquet.

    Args:
        site: the site's name.
        features: store of the dense features.
        classes: table of the class texts.
        frames: store of the masks.
        lesion_classes: the classes, in the order of `best_class`.
        params: how the regions are chosen.
        out: where the store of the regions goes.

    Raises:
        InputError: an input is missing or damaged, or they don't belong together.
    """
    texts, background, fingerprint = read_classes(classes, lesion_classes)
    with FEATURES.read(features) as encoded, FRAMES.read(frames) as framed:
        check_fit(encoded, framed, classes, texts.shape[1], fingerprint)
        attributes = {
            "site": site, "fingerprint": fingerprint, "alpha": str(params.alpha), "text_similarity": params.similarity,
            **{name: encoded.attributes[name] for name in ("dense_mode", *PROVENANCE)},
        }  # fmt: skip

        def mined(case_ids: Sequence[str], flip: str) -> Regions:
            """Return the regions of frames that are mirrored so."""
            image = _features(encoded, "image", case_ids, flip) if params.similarity == "feature_surgery" else None
            return mine(_features(encoded, "dense", case_ids, flip), texts, params.alpha, background, image)

        quality = Quality()
        with REGIONS.write(out, encoded.case_ids, attributes) as store:
            parts = list(batches(encoded.case_ids, _BATCH))
            for case_ids in progress(parts, f"mining {site}", total=len(parts)):
                regions = mined(case_ids, UNFLIPPED)
                store.append(similarity=regions.similarity, selected=regions.selected, best_class=regions.best_class)
                for flip in flips_of(encoded.members("flipped")):
                    store.append(**_flipped(mined(case_ids, flip), flip))
                labels = framed.rows("mask", case_ids)
                quality.add(regions.similarity, regions.selected, lesion_of(labels), judged_of(labels))
    return {"site": site, "alpha": params.alpha, **quality.row()}


def summary(row: dict[str, Any]) -> str:
    """Return the quality in one line."""
    if not row["n_frames"]:
        return f"{row['site']}: regions mined; no frame has a lesion, so their quality is unknown"
    score = "undefined" if row["auroc"] is None else f"{row['auroc']:.3f} (inverted {row['auroc_inverted']:.3f})"
    return (
        f"{row['site']}: recall {row['recall']:.3f} at alpha {row['alpha']} (random {row['recall_random']:.3f}), "
        f"AUROC {score}, {row['n_frames']} frames with a lesion"
    )


def _flipped(regions: Regions, flip: str) -> dict[str, Array]:
    return {
        f"flipped__{member(flip, 'similarity')}": regions.similarity,
        f"flipped_selected__{member(flip, 'selected')}": regions.selected,
    }


def _features(features: StoreReader, name: str, case_ids: Sequence[str], flip: str) -> Array:
    rows = features.rows(name if flip == UNFLIPPED else f"flipped/{member(flip, name)}", case_ids)
    if not np.isfinite(rows).all():
        raise InputError(f"{features.path} holds values that are not finite; delete it and run `dvc repro`")
    return rows
