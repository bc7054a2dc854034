"""Whole recipes at the sites that they were kept from: python -m tests.benchmarks.recipes OUT MODEL...

Run in a project whose sites are ingested, with models of its cells, artifacts/train/<method>/<held out>/<seed>. Each
model segments the site that it was kept from as its method does, and at 320 px beside, as `mcdrl predict --sizes` does
(`_sizes`). Several trainings of a method for a site answer together, too: three of them are `_together3`, whose
probability is the mean of theirs and whose seed is the least. With --together NAME all models of a site answer so,
whatever their methods, and only so: NAME is then the recipe's name, and the seed the first model's.
OUT is a parquet of a row a frame and recipe, which `tests.benchmarks.table` compares by Dice and
`tests.benchmarks.recipes_table` by what is found and what is called in frames without a lesion. --findings writes a row
a lesion and a row a component that hits none, of which `tests.benchmarks.froc` makes free-response curves. Rows of
recipes that are not asked again stay: begin a new file after training anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.frames import FRAMES, judged_of, unpack_native_mask
from mcdrl.base.parallel import batches
from mcdrl.metrics.operating_point import joint_scores
from mcdrl.model.card import read_card
from mcdrl.model.ensemble import Ensemble, load_ensemble
from mcdrl.model.network import FurtherSizes
from mcdrl.model.probability import probabilities
from mcdrl.study.params import Study, load_study, resolve
from mcdrl.study.paths import ARTIFACTS, site_files
from mcdrl.view import Box
from stages.stress.run import pick
from tests.benchmarks._cells import uncopied
from tests.benchmarks._counts import CROP, Counts, at_working_size, counted
from tests.benchmarks.view.prediction import paths_of, seen

FURTHER_PX = (320,)
BATCH = 8
KEY = ["method", "held_out", "seed", "case_id"]
FINDING = ["kind", "score", "area_share"]
Array = np.ndarray[Any, np.dtype[Any]]
Part = tuple[Array, Array | None]  # what a model says of frames: [B, S, S], and [B] by its presence head
Answers = Mapping[tuple[str, int], Sequence[Part]]  # a part a model


@dataclass(frozen=True)
class _Look:
    """What some frames were shown as, and what was said of them.

    Attributes:
        ending: of the recipes' names.
        boxes: frame -> what of it was shown, in its own pixels.
        answers: of the frames, in the order of `boxes`.
    """

    ending: str
    boxes: Mapping[str, Box]
    answers: Answers

    def counts(self, masks: Mapping[str, Array]) -> Iterator[tuple[str, int, str, Counts, float]]:
        """Yield recipe, seed, frame, what is found there, and the frame's score, by what was judged of it."""
        for (recipe, seed), parts in self.answers.items():
            lesion = np.mean([one for one, _ in parts], axis=0)
            side = lesion.shape[1:]
            judged = np.stack([judged_of(at_working_size(masks[case], side, box)) for case, box in self.boxes.items()])
            scores = joint_scores(parts, judged)
            for at, (case, box) in enumerate(self.boxes.items()):
                yield recipe + self.ending, seed, case, counted(lesion[at], box, masks[case]), scores[at]


@dataclass(frozen=True)
class Judged:
    """A frame as a recipe segments it.

    Attributes:
        names: method, held_out, seed, case_id.
        group: patient or sequence.
        counts: what is found.
        score: of the frame.
    """

    names: Mapping[str, object]
    group: str
    counts: Counts
    score: float

    def row(self) -> dict[str, object]:
        """Return the row of the frame."""
        return {**self.names, "group_id": self.group, **self.counts.row(), "score": self.score}

    def findings(self) -> Iterator[dict[str, object]]:
        """Yield a row a lesion and a row a component that hits none."""
        for finding in self.counts.findings():
            yield {**self.names, **finding}


def main(
    out: Annotated[Path, typer.Argument(help="Parquet of the frames of the sites left out.")],
    models: Annotated[list[Path], typer.Argument(help="Folders of trained cells.")],
    validation: Annotated[Path | None, typer.Option(help="Parquet of validation frames of their sources.")] = None,
    frames: Annotated[int, typer.Option(help="Of these, so many a source, by the hash of their names.")] = 30,
    sizes: Annotated[bool, typer.Option("--sizes/--no-sizes", help="Also at 320 px beside.")] = True,
    whole: Annotated[bool, typer.Option("--whole", help="Also frames that aren't cut to the view (`_whole`).")] = False,
    findings: Annotated[Path | None, typer.Option(help="Parquet of what is found in the sites left out.")] = None,
    together: Annotated[str | None, typer.Option(help="All models of a site answer as one, of this name.")] = None,
) -> None:
    """Predict and count."""
    if whole and together:
        raise typer.BadParameter("--whole shows each model whole frames by itself; leave out --together")
    study, further_px = load_study(), FURTHER_PX if sizes else ()
    for method, held_out, own in _asked_as_one(models, together):
        ensemble = load_ensemble(own, None, "cpu", further_px)
        if not together:
            _check(ensemble, method, held_out)
        frames_left_out = list(judged(ensemble, study, held_out, None, whole=whole, together=together))
        found = pd.DataFrame([one.row() for one in frames_left_out])
        _add(out, found, KEY)
        if findings is not None:
            every = [row for one in frames_left_out for row in one.findings()]
            _add(findings, pd.DataFrame(every, columns=[*KEY, *FINDING]), KEY[:-1])
        if validation is not None:
            sources = sorted(set.intersection(*(set(one.model.card.sources) for one in ensemble.members)))
            rows = [one.row() for site in sources for one in judged(ensemble, study, site, frames, together=together)]
            _add(validation, pd.DataFrame(rows), KEY)
        told = found.groupby(["method", "seed"])["dice"].mean().round(4).to_dict()
        print(f"{held_out}: {told}", flush=True)


def judged(
    ensemble: Ensemble, study: Study, site: str, frames: int | None, *, whole: bool = False, together: str | None = None
) -> Iterator[Judged]:
    """Yield the frames of a site, once a recipe.

    Args:
        ensemble: models that were kept from one site; of one method, unless `together`.
        study: the project's.
        site: whose frames are judged.
        frames: so many of its validation part, less copies of training frames; None: all of the site.
        whole: whether to show them frames that aren't cut to the view, too.
        together: what they are called where they answer as one alone.
    """
    files, card = site_files(ARTIFACTS, site), ensemble.members[0].model.card
    cases = CASES.read(files.cases).merge(GEOMETRY.read(files.geometry), on="case_id").set_index("case_id")
    part = cases if frames is None else cases[cases["split"] == "val"]
    paths = paths_of(study, site) if whole else {}
    boxes = cases[CROP].apply(tuple, axis=1)
    swap = resolve(study.sites[site]).channels == "bgr"
    with FRAMES.read(files.frames) as reader:
        chosen = pick(list(part.index), frames)
        if frames is not None:
            chosen = uncopied(chosen, ARTIFACTS, card.held_out)
        for ids in batches(chosen, BATCH):
            masks = dict(zip(ids, map(unpack_native_mask, reader.blobs("native_mask", ids)), strict=True))
            answers = asked(ensemble, reader.rows("image", ids), apart=not together)
            looks = [_Look("", dict(zip(ids, boxes.loc[ids], strict=True)), answers)]
            if whole:
                looks.append(_whole(ensemble, {case: paths[case] for case in ids}, card.size_px, swap=swap))
            for look in looks:
                for recipe, seed, case, counts, score in look.counts(masks):
                    cell = f"{together or card.variant}{recipe}", card.held_out, seed
                    names = dict(zip(KEY, (*cell, case), strict=True))
                    yield Judged(names, f"{site}/{cases.at[case, 'group_id']}", counts, score)


def asked(ensemble: Ensemble, images: Array, *, plainly: bool = False, apart: bool = True) -> Answers:
    """Return (recipe, seed) -> what each of its models says of the frames.

    Args:
        ensemble: models of one method, if `apart`.
        images: [B, S, S, 3] uint8.
        plainly: whether each is asked by itself alone, at the working size.
        apart: whether each is told of by itself, too; else all together have the names that one has.
    """
    parts: dict[str, list[Part]] = defaultdict(list)
    for member, (model, batch) in zip(ensemble.members, ensemble.batches(images), strict=True):
        said = probabilities(model.method, batch)
        presence = None if said.presence is None else said.presence.numpy()
        parts[""].append((said.lesion.numpy(), presence))
        if ensemble.further_px and not plainly:
            with torch.inference_mode():
                mean = FurtherSizes(model, member.encoder, ensemble.further_px).mean(said.lesion, batch)
            parts["_sizes"].append((mean.numpy(), presence))
    seeds = [member.model.card.seed for member in ensemble.members]
    if not apart:
        return {(recipe, seeds[0]): own for recipe, own in parts.items()}
    found: dict[tuple[str, int], Sequence[Part]] = {
        (recipe, seed): [one] for recipe, own in parts.items() for seed, one in zip(seeds, own, strict=True)
    }
    if len(seeds) > 1 and not plainly:
        found |= {(f"_together{len(seeds)}{recipe}", min(seeds)): own for recipe, own in parts.items()}
    return found


def _whole(ensemble: Ensemble, paths: Mapping[str, Path], size_px: int, *, swap: bool) -> _Look:
    shown = {case: seen(path, size_px, "full", swap) for case, path in paths.items()}
    answers = asked(ensemble, np.stack([one.pixels for one in shown.values()]), plainly=True)
    return _Look("_whole", {case: one.box for case, one in shown.items()}, answers)


def _asked_as_one(models: Sequence[Path], together: str | None) -> Iterator[tuple[str, str, list[Path]]]:
    """Yield what is asked at once: method or `together`, site left out, models."""
    if together:
        for held_out, every in groupby(sorted(models, key=lambda folder: _cell(folder)[1]), lambda one: _cell(one)[1]):
            yield together, held_out, list(every)
        return
    for (method, held_out), own in groupby(sorted(models, key=_cell), lambda folder: _cell(folder)[:2]):
        yield method, held_out, list(own)


def _cell(folder: Path) -> tuple[str, str, int]:
    card = read_card(folder)
    return card.variant, str(card.held_out), card.seed


def _check(ensemble: Ensemble, method: str, held_out: str) -> None:
    seeds = [one.model.card.seed for one in ensemble.members]
    if len(set(seeds)) < len(seeds):
        raise typer.BadParameter(f"{method}, {held_out}: two models of one seed")


def _add(out: Path, rows: pd.DataFrame, key: Sequence[str]) -> None:
    """Write rows in place of those that have the same key."""
    old = pd.read_parquet(out) if out.is_file() else rows.iloc[:0]
    stays = ~pd.MultiIndex.from_frame(old[key]).isin(pd.MultiIndex.from_frame(rows[key]))
    every = pd.concat([old[stays], rows]) if stays.any() else rows
    every.sort_values(KEY, ignore_index=True, kind="stable").to_parquet(out)


if __name__ == "__main__":
    typer.run(main)
