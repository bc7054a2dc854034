"""How many labelled frames of a new hospital are worth it: python -m tests.benchmarks.label_efficiency STUDY OUT

For each held-out site of a study whose cell is trained: some labelled frames of it, drawn by the seed, 5 among the 10
among the 20 among the 50; the model that has never seen the site, adapted with them (`mcdrl adapt`, the study's sources
replayed), against the same network trained on them alone from the backbone's own weights, and against what needs no
masks. The test frames of a site are the same for all of it, and of other patients, sequences or scenes.

Writes a parquet a (site, way, frames, seed) into OUT, so that it can be stopped and goes on where it was, then prints
Dice and false alarms of what is there: means over the sites, each with equal weight, of all seeds. --collect puts it
all into one file, which the same command prints without a study: `... label_efficiency FILE.parquet`. A run takes one
to five minutes on one core, so six sites three to six hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import torch
import typer

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES
from mcdrl.base.files import atomic
from mcdrl.base.seeds import generator
from mcdrl.commands.models.learnable import Shown, replayed
from mcdrl.imaging.neighbours import scenes
from mcdrl.metrics.intervals import Sample, mean_interval
from mcdrl.metrics.paired import compare, pair
from mcdrl.model.assemble import assemble
from mcdrl.model.bundle import find_backbone
from mcdrl.model.ensemble import Member, load_ensemble
from mcdrl.study.paths import Cell, site_files
from mcdrl.training.adapt import RECIPE, LabelledFrames, adapt, answers
from mcdrl.training.adaptation_gain import SCORES, judge
from mcdrl.training.unlabelled import adapt_statistics, pseudo_labelled

PLAIN = replace(RECIPE, replay_share=0.0, rate_share=1.0, anchor=0.0)  # fine-tuning as it is usually done
SCRATCH = replace(PLAIN, steps=120)
SEVERAL, OTHERS, MOST = 20, (50, 5, 10), 50  # frames with three seeds; with one; of ways without labels
_DRAWS = 2000


class Run(NamedTuple):
    """One training, or none.

    Attributes:
        way: none, adapt, scratch, plain, statistics, self-training.
        frames: of the held-out site that it learns from.
        seed: of their draw and of the training; it goes on from the cell of that seed, if there is one, else of seed 0.
    """

    way: str
    frames: int
    seed: int


def runs() -> list[Run]:
    """Return all runs of a site, those first that say most."""
    first = [Run("none", 0, 0), Run("adapt", SEVERAL, 0), Run("scratch", SEVERAL, 0)]
    curve = [Run(way, count, 0) for count in OTHERS for way in ("adapt", "scratch")]
    bare = [Run("self-training", MOST, 0), Run("statistics", MOST, 0), Run("plain", SEVERAL, 0)]
    again = [run._replace(seed=seed) for seed in (1, 2) for run in first]
    return [*first, *curve, *bare, *again]


def split(frames: LabelledFrames, site: str, n_test: int) -> tuple[LabelledFrames, LabelledFrames]:
    """Return what may be learned from and what is tested on: whole groups, in an order that the site's name draws."""
    names, member = np.unique(frames.groups, return_inverse=True)
    order = generator("label efficiency", site).permutation(len(names))
    before = np.cumsum(np.bincount(member)[order]) - np.bincount(member)[order]
    tested = np.zeros(len(names), bool)
    tested[order[before < n_test]] = True
    return frames.take(~tested[member]), frames.take(tested[member])


@cache
def site_frames(artifacts: Path, site: str) -> tuple[LabelledFrames, tuple[str, ...]]:
    """Return a site's frames, and their names; where nobody knows patients, scenes are groups."""
    files = site_files(artifacts, site)
    rows = CASES.read(files.cases)
    with FRAMES.read(files.frames) as store:
        images, masks = (store.rows(name, rows["case_id"].tolist()) for name in ("image", "mask"))
    known = (rows["group_id"] != rows["case_id"]).all()
    groups = rows["group_id"].to_numpy(str) if known else scenes(images).astype(str)
    lesion = np.where(rows["lesion_class"].isna(), -1, 0)
    return LabelledFrames(images, masks, lesion, groups, np.zeros(len(rows), np.int64)), tuple(rows["case_id"])


def member_of(model: Path) -> Member:
    """Return a trained network."""
    return load_ensemble([model], None, "cpu").members[0]


def untrained(member: Member, model: Path, seed: int) -> Member:
    """Return the same network with a new head on the backbone's own weights."""
    card, texts = member.model.card, member.model.texts
    spec, backbone = replace(card.spec, seed=seed), find_backbone(model, card.fingerprint, None)
    method = assemble(card.method, card.mode, spec, card.method_params, backbone, card.dense_mode, texts)
    return Member(replace(member.model, method=method), member.encoder)


def learned(run: Run, model: Path, artifacts: Path, own: LabelledFrames) -> Member:
    """Return the network that a run ends with."""
    member = member_of(model)
    if run.way == "scratch":
        member = untrained(member, model, run.seed)
    if run.way == "statistics":
        adapt_statistics(member, own)
    elif run.way != "none":
        recipe = {"scratch": SCRATCH, "plain": PLAIN}.get(run.way, RECIPE)
        known = pseudo_labelled(member, own) if run.way == "self-training" else own
        replay = (
            replayed([artifacts], Shown(member.model.card, "auto", 1), run.seed)[0] if recipe.replay_share else None
        )
        adapt(member, known, replay, recipe, run.seed)
    return member


def result(run: Run, cell: Cell, artifacts: Path, n_test: int) -> pd.DataFrame:
    """Return the scores of a run, a row a test frame."""
    frames, names = site_frames(artifacts, cell.held_out)
    numbered = replace(frames, site=np.arange(len(frames)))
    pool, test = split(numbered, cell.held_out, n_test)
    chosen = generator("label efficiency", cell.held_out, run.seed).permutation(len(pool))[: run.frames]
    own = replace(pool.take(chosen), site=np.zeros(len(chosen), np.int64))
    member = learned(run, cell.model(artifacts), artifacts, own)
    scores = judge(answers([member], test), test).scores
    return pd.DataFrame(
        {
            "held_out": cell.held_out, "way": run.way, "frames": run.frames, "seed": run.seed, "cell_seed": cell.seed,
            "case_id": [names[place] for place in test.site], "group_id": test.groups, **scores,
        }
    )  # fmt: skip


def pending(artifacts: Path, method: str, out: Path, sites: Iterable[str]) -> Iterator[tuple[Run, Cell, Path]]:
    """Yield the runs that aren't done, their cells and files; what says most comes first, at all sites."""
    for run in runs():
        for site in sites:
            cells = [Cell(method, site, seed) for seed in dict.fromkeys((run.seed, 0))]
            cell = next((one for one in cells if (one.model(artifacts) / "model.json").is_file()), None)
            path = out / f"{site}-{run.way}-{run.frames}-{run.seed}.parquet"
            unlike = run.way == "none" and cell is not None and cell.seed != run.seed
            if cell is not None and not unlike and not path.is_file():
                yield run, cell, path


def table(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of the table, Markdown: a way and a number of frames a row, on the sites that all ways have."""
    done = rows.groupby("held_out")[["way", "frames"]].apply(lambda part: len(part.drop_duplicates()))
    sites = sorted(done.index[done == done.max()])
    yield f"{len(sites)} sites: {', '.join(sites)}"
    yield "| way | frames | seeds | Dice (frames) | less none (frames) | worst site | lesions found | false alarms |"
    yield "|" + " --- |" * 8
    whole = rows[rows["held_out"].isin(sites)]
    none = whole[(whole["way"] == "none") & (whole["seed"] == 0)]
    for (way, count), part in whole.groupby(["way", "frames"], sort=False):
        first = part[part["seed"] == 0]
        found = compare(list(pair(first, none, "dice").values()), _DRAWS, np.random.default_rng(0))
        means = [part.groupby("held_out")[name].mean() for name in SCORES]
        by = "" if way == "none" else f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
        yield (
            f"| {way} | {count} | {part['seed'].nunique()} | {means[0].mean():.3f} ({_interval(part)}) | {by} | "
            f"{means[0].min():.3f} | {means[1].mean():.3f} | {means[2].mean():.3f} |"
        )


def _interval(part: pd.DataFrame) -> str:
    frames = part.dropna(subset=["dice"]).groupby(["held_out", "case_id"], as_index=False)
    means = frames.agg(dice=("dice", "mean"), group=("group_id", "first"))
    samples = [Sample(one["dice"].to_numpy(), one["group"].to_numpy()) for _, one in means.groupby("held_out")]
    low, high = mean_interval(samples, _DRAWS, np.random.default_rng(0), within=(0.0, 1.0))
    return f"{low:.3f} to {high:.3f}"


def main(
    study: Annotated[Path, typer.Argument(help="A study's project with trained cells; or a collected FILE.parquet.")],
    out: Annotated[Path | None, typer.Argument(help="Folder of the runs' files.")] = None,
    method: Annotated[str, typer.Option(help="Of the cells.")] = "viewpoint_6min",
    site: Annotated[list[str] | None, typer.Option(help="These held-out sites alone.")] = None,
    test_frames: Annotated[int, typer.Option(help="Of each site.")] = 100,
    most: Annotated[int | None, typer.Option(help="Runs, then stop.")] = None,
    collect: Annotated[Path | None, typer.Option(help="Put all rows into this file.")] = None,
) -> None:
    """Do the runs that aren't done, then print the table."""
    if out is None:
        rows = pd.read_parquet(study)
    else:
        artifacts = study / "artifacts"
        sites = site or sorted(path.name for path in (artifacts / "train" / method).glob("*"))
        torch.set_num_threads(1)
        out.mkdir(parents=True, exist_ok=True)
        for run, cell, path in list(pending(artifacts, method, out, sites))[:most]:
            with atomic(path) as partial:
                result(run, cell, artifacts, test_frames).to_parquet(partial, index=False)
            print(f"done: {path.stem}", flush=True)
        rows = pd.concat([pd.read_parquet(path) for path in sorted(out.glob("*.parquet"))], ignore_index=True)
    if collect is not None:
        rows.to_parquet(collect, index=False)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    typer.run(main)
