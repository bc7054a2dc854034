"""Frames -> stressed pictures -> counts; everything streams in batches, a held-out site at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES, judged_of, lesion_of
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.artifacts.stress import STRESS
from mcdrl.base.parallel import batches
from mcdrl.base.runtime import loading, progress
from mcdrl.base.seeds import seed_for
from mcdrl.confounders.finished import FinishedFrame, Stressed
from mcdrl.confounders.registry import UNTOUCHED, phrases, without_operator
from mcdrl.metrics.counts import dice
from mcdrl.model.native import Native, native_counts
from mcdrl.study.params import Study
from mcdrl.study.paths import Cell, backbone_folder, site_files
from mcdrl.study.sections.stress import Params

if TYPE_CHECKING:
    from mcdrl.model.ensemble import Ensemble


@dataclass(frozen=True)
class Picture:
    """A frame under a confounder, or as it is, and what it is called in the table."""

    confounder: str
    strength: float
    case_id: str
    group_id: str
    shown: Stressed


def pick(case_ids: Sequence[str], frames: int | None) -> list[str]:
    """Return so many cases, or all, by the hash of their names: a further case displaces one at most."""
    return sorted(sorted(case_ids, key=lambda case: seed_for("stress", case))[:frames])


def untested(dictionary: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a sentence on the phrases of a dictionary that no operator draws; nothing where there is none.

    Args:
        dictionary: category -> phrases, as in params.yaml.
    """
    lacking = without_operator(phrase for group in dictionary.values() for phrase in group)
    if not lacking:
        return []
    return [f"not under test, as mcdrl.confounders.registry has no operator for them: {', '.join(lacking)}"]


def pictures(cases: pd.DataFrame, reader: StoreReader, strengths: Sequence[float]) -> Iterator[Picture]:
    """Yield every frame as it is, then under each confounder.

    Args:
        cases: rows of `CASES`.
        reader: the site's frames and masks.
        strengths: above 0 up to 1.
    """
    grid = [(confounder, strength) for confounder in phrases() for strength in sorted(strengths)]
    for case_id, group_id in zip(cases["case_id"], cases["group_id"], strict=True):
        image, labels = (reader.rows(name, [case_id])[0] for name in ("image", "mask"))
        frame = FinishedFrame(image, lesion_of(labels), case_id, judged_of(labels))
        yield Picture(UNTOUCHED, 0.0, case_id, group_id, frame.untouched)
        for confounder, strength in grid:
            yield Picture(confounder, strength, case_id, group_id, frame.under(confounder, strength))


def stress_site(
    study: Study, held_out: str, params: Params, threshold: float, artifacts: Path, device: str,
    further_px: Sequence[int] = (),
) -> Iterator[pd.DataFrame]:  # fmt: skip
    """Yield rows of `STRESS` of one held-out site, batch by batch.

    Args:
        study: says which models there are.
        held_out: the site.
        params: numbers.
        threshold: probability from which a pixel is lesion.
        artifacts: the folder that the pipeline writes.
        device: cpu, cuda, ...; auto: a GPU if there is one.
        further_px: sizes at which each model is asked beside the working size.

    Raises:
        InputError: a model, its backbone or the site's frames are missing or don't belong together.
    """
    with loading():  # torch, once the threads know how to wait
        from mcdrl.model.ensemble import load_ensemble

    models = [(method, seed) for method in study.methods for seed in study.seeds]
    folders = [Cell(method, held_out, seed).model(artifacts) for method, seed in models]
    ensemble = load_ensemble(folders, backbone_folder(artifacts), device, further_px)
    files = site_files(artifacts, held_out)
    cases = CASES.read(files.cases)
    cases = cases[cases["lesion_class"].notna()].set_index("case_id", drop=False)
    chosen = cases.loc[pick(cases["case_id"].tolist(), params.frames)]
    total = -(-len(chosen) * (1 + len(phrases()) * len(params.strengths)) // params.batch_size)
    with FRAMES.read(files.frames) as reader:
        shown = batches(pictures(chosen, reader, params.strengths), params.batch_size)
        for batch in progress(shown, f"stress {held_out}", total):
            yield _judged(ensemble, batch, threshold, held_out, models).assign(leaked_frames=ensemble.leaked_frames)


def _judged(
    ensemble: Ensemble, batch: Sequence[Picture], threshold: float, held_out: str, models: Sequence[tuple[str, int]]
) -> pd.DataFrame:
    answers = ensemble.each(np.stack([picture.shown.image for picture in batch]))
    names = ("confounder", "strength", "case_id", "group_id")
    keys = pd.DataFrame({name: [getattr(picture, name) for picture in batch] for name in names})
    rows = []
    for (method, seed), found in zip(models, answers, strict=True):
        counts = native_counts(found, [_native(picture.shown) for picture in batch], threshold)
        rows.append(keys.assign(method=method, held_out=held_out, seed=seed, dice=dice(counts), **vars(counts)))
    return pd.concat(rows)


def _native(shown: Stressed) -> Native:
    height, width = shown.mask.shape
    return Native(shown.mask, shown.box or (0, 0, width, height), shown.judged)


def stress(
    study: Study, params: Params, threshold: float, artifacts: Path, device: str, further_px: Sequence[int] = ()
) -> pd.DataFrame:
    """Return the rows of `STRESS` of the whole study, sorted by their key; arguments as in `stress_site`."""
    parts = [
        part
        for held_out in study.held_out
        for part in stress_site(study, held_out, params, threshold, artifacts, device, further_px)
    ]
    empty = pd.DataFrame(columns=STRESS.schema.names)  # where no held-out site has a lesion
    rows = pd.concat(parts)[STRESS.schema.names] if parts else empty
    return rows.sort_values(list(STRESS.key), ignore_index=True)
