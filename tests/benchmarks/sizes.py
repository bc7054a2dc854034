"""What further sizes are worth at prediction, with equal weights: python -m tests.benchmarks.sizes OUT MODEL...

Run in a project whose sites are ingested, with models of its cells, artifacts/train/<method>/<held out>/<seed>. Each
model segments the site that it was kept from and, as nothing may be chosen by that one, the validation frames of its
sources. OUT is a parquet of a row a frame and combination of looks, whose mean counts; `tests.benchmarks.sizes_table`
shows it. A look is called by the side in px to which the stored frame is brought; `v` behind it: summed over views, as
the method does, else a single pass; `n`: the frame was brought there from its file, which has more detail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.frames import FRAMES, unpack_native_mask
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.base.parallel import batches
from mcdrl.model.ensemble import Member, load_ensemble
from mcdrl.model.network import FurtherSizes, pixels
from mcdrl.model.probability import probability, single_pass_probability
from mcdrl.model.resampling import resized
from mcdrl.networks.exposure import lifted
from mcdrl.study.params import Study, load_study, resolve
from mcdrl.study.paths import ARTIFACTS, site_files
from stages.stress.run import pick
from tests.benchmarks._cells import uncopied
from tests.benchmarks._counts import CROP, counted
from tests.benchmarks.view.prediction import paths_of, seen

ONE_LOOK = (("224",), ("320",), ("224", "288"), ("224", "320"), ("160", "224", "320"))
VIEWS = (("224v",), ("224v", "320"), ("224v", "320v"))
FROM_FILES = (("224", "320n"),)
BATCH = 8
KEY = ["network", "looks", "held_out", "seed", "split", "case_id"]
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Asked:
    """A model, and the looks that it takes at every frame."""

    member: Member
    combinations: Sequence[Sequence[str]]
    seconds: dict[str, float] = field(default_factory=dict)

    def answers(self, stored: Array, larger: Mapping[str, Array]) -> dict[str, Array]:
        """Return combination -> probability of lesion, [B, S, S], of frames [B, S, S, 3]; larger: look -> frames."""
        looks = sorted({one for combination in self.combinations for one in combination})
        found = {one: self._answer(larger.get(one, stored), one, stored.shape[1]) for one in looks}
        return {"_".join(some): np.mean([found[one] for one in some], axis=0) for some in self.combinations}

    def _answer(self, images: Array, one: str, size_px: int) -> Array:
        model, start = self.member.model, perf_counter()
        infer = probability if one.endswith("v") else single_pass_probability
        with torch.inference_mode():
            frame = lifted(pixels(torch.from_numpy(images)), model.method.dark_below)
            batch = FurtherSizes(model, self.member.encoder, ()).at(frame, int(one.rstrip("vn")))
            answer = resized(infer(model.method, batch)[:, None], size_px, "bilinear")[:, 0].numpy()
        self.seconds[one] = self.seconds.get(one, 0.0) + perf_counter() - start
        return answer


def main(
    out: Annotated[Path, typer.Argument(help="Parquet; rows of other models that it holds stay.")],
    models: Annotated[list[Path], typer.Argument(help="Folders of trained cells.")],
    frames: Annotated[int | None, typer.Option(help="Of each site, by the hash of their names; default: all.")] = None,
    files: Annotated[bool, typer.Option("--files", help="Also from the files, which have more detail.")] = False,
    looks: Annotated[list[str] | None, typer.Option("--look", help="These alone, such as 224v_320.")] = None,
    validation: Annotated[int | None, typer.Option(help="Validation frames a source; default: as --frames.")] = None,
) -> None:
    """Predict and count."""
    study = load_study()
    for folder in models:
        (member,) = load_ensemble([folder], None, "cpu").members
        combinations = [*ONE_LOOK, *VIEWS * member.model.method.sums_views, *FROM_FILES * files]
        asked = Asked(member, [tuple(one.split("_")) for one in looks] if looks else combinations)
        part = pd.DataFrame(rows(asked, study, frames, validation or frames))
        each = {name: f"{1000 * spent / part['case_id'].nunique():.0f} ms" for name, spent in asked.seconds.items()}
        print(f"{folder}: a frame takes {each}", flush=True)
        everything = pd.concat(([pd.read_parquet(out)] if out.is_file() else []) + [part])
        kept = everything.drop_duplicates(KEY, keep="last")
        kept.sort_values(KEY, ignore_index=True).to_parquet(out)


def rows(asked: Asked, study: Study, frames: int | None, validation: int | None) -> Iterator[dict[str, object]]:
    """Yield a row a frame and combination: of the site that the model was kept from, and of its sources' validation."""
    card = asked.member.model.card
    for site in [card.held_out, *card.sources]:
        kept_from, place = site == card.held_out, site_files(ARTIFACTS, site)
        cases = CASES.read(place.cases).merge(GEOMETRY.read(place.geometry), on="case_id").set_index("case_id")
        own, count = (cases, frames) if kept_from else (cases[cases["split"] == "val"], validation)
        chosen = pick(list(own.index), count)
        if not kept_from:
            chosen = uncopied(chosen, ARTIFACTS, card.held_out)
        paths = _paths(study, site) if any("320n" in some for some in asked.combinations) else {}
        names = {"network": card.variant, "held_out": card.held_out, "seed": card.seed,
                 "split": "held_out" if kept_from else "validation"}  # fmt: skip
        with FRAMES.read(place.frames) as reader:
            for ids in batches(chosen, BATCH):
                yield from (names | row for row in _scored(asked, reader, cases.loc[ids], paths))


def _paths(study: Study, site: str) -> dict[str, Path]:
    assert resolve(study.sites[site]).channels == "rgb"
    return paths_of(study, site)


def _scored(
    asked: Asked, reader: StoreReader, cases: pd.DataFrame, paths: Mapping[str, Path]
) -> Iterator[dict[str, object]]:
    """Yield what each combination of looks finds, frame by frame at their own sizes."""
    ids = list(cases.index)
    larger = {"320n": np.stack([seen(paths[case], 320, "auto", swap=False).pixels for case in ids])} if paths else {}
    masks = [unpack_native_mask(png) for png in reader.blobs("native_mask", ids)]
    for looks, found in asked.answers(reader.rows("image", ids), larger).items():
        for at, (case, row) in enumerate(cases.iterrows()):
            box = tuple(int(row[name]) for name in CROP)
            names = {"looks": looks, "case_id": case, "group_id": f"{row['site']}/{row['group_id']}"}
            yield names | counted(found[at], box, masks[at]).row()


if __name__ == "__main__":
    typer.run(main)
