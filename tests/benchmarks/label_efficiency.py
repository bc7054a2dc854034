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
from mcdrl.commands.models.learnable import Showing, replayed
from mcdrl.imaging.neighbours import scenes
from mcdrl.metrics.intervals import DRAWS, Sample, mean_interval
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
WAYS = ("none", "adapt", "scratch", "plain", "self-training", "statistics")
_HEADS = (
    "way", "frames", "sites", "seeds (their means)", "Dice (frames)", "less none (frames)", "over seeds", "worst site",
    "lesions found", "false alarms",
)  # fmt: skip


class Run(NamedTuple):
    """One training, or none.

    Attributes:
        way: one of `WAYS`.
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
            replayed([artifacts], Showing(member.model.card, "auto", 1), run.seed).frames
            if recipe.replay_share
            else None
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


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row a way and a number of frames, on the sites where the most of these are done.

    Returns:
        way, frames, sites, seeds; dice, low and high, its interval over frames; least and most, the means of single
        seeds; less, less_low and less_high, the difference from `none` on the same frames and seeds; seed_low and
        seed_high, its interval over seeds; worst (site), found, alarms.
    """
    done = rows.groupby("held_out")[["way", "frames"]].apply(lambda part: len(part.drop_duplicates()))
    whole = rows[rows["held_out"].isin(done.index[done == done.max()])]
    whole = whole.assign(way=pd.Categorical(whole["way"], WAYS))
    none = whole[whole["way"] == "none"]
    return pd.DataFrame(
        [
            {"way": str(way), "frames": count, "sites": int((done == done.max()).sum()), **_figures(part, none)}
            for (way, count), part in whole.groupby(["way", "frames"], observed=True)
        ]
    )


def _figures(part: pd.DataFrame, none: pd.DataFrame) -> dict[str, float]:
    """Return the figures of a way; means over sites, each with equal weight."""
    own = _over_seeds(part)
    drawn = own.dropna(subset=["dice"])
    samples = [Sample(one["dice"].to_numpy(), one["group_id"].to_numpy()) for _, one in drawn.groupby("held_out")]
    low, high = mean_interval(samples, DRAWS, np.random.default_rng(0), within=(0.0, 1.0))
    less = compare(list(pair(part, none, "dice").values()), DRAWS, np.random.default_rng(0))
    dice, found, alarms = (own.groupby("held_out")[name].mean() for name in SCORES)
    by_seed = part.groupby(["seed", "held_out"])["dice"].mean().groupby("seed").mean()
    return {
        "seeds": part["seed"].nunique(), "dice": dice.mean(), "low": low, "high": high, "least": by_seed.min(),
        "most": by_seed.max(), "less": less.difference, "less_low": less.low, "less_high": less.high,
        "seed_low": less.seed_low, "seed_high": less.seed_high,
        "worst": dice.min(), "found": found.mean(), "alarms": alarms.mean(),
    }  # fmt: skip


def _over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over the seeds, a row a frame, as a seed of its own."""
    frames = rows.groupby(["held_out", "case_id", "group_id"], as_index=False)
    return frames[list(SCORES)].mean().assign(seed=0)


def table(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of the table, Markdown."""
    yield _row(_HEADS)
    yield _row(["---"] * len(_HEADS))
    for one in compared(rows).to_dict("records"):
        seeds = f"{one['seeds']}" + (f" ({one['least']:.3f} to {one['most']:.3f})" if one["seeds"] > 1 else "")
        dice = f"{one['dice']:.3f} ({one['low']:.3f} to {one['high']:.3f})"
        less = f"{one['less']:+.3f} ({one['less_low']:+.3f} to {one['less_high']:+.3f})"
        over = "none" if np.isnan(one["seed_low"]) else f"{one['seed_low']:+.3f} to {one['seed_high']:+.3f}"
        shown = [f"{one[name]:.3f}" for name in ("worst", "found", "alarms")]
        yield _row(
            [
                one["way"],
                str(one["frames"]),
                str(one["sites"]),
                seeds,
                dice,
                "" if one["way"] == "none" else less,
                "" if one["way"] == "none" or one["seeds"] == 1 else over,
                *shown,
            ]
        )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Draw Dice against labelled frames, with intervals; the model as it is stands at 0 frames in both curves."""
    from matplotlib.figure import Figure

    figures, axes = compared(rows), Figure(figsize=(6, 4), layout="constrained").subplots()
    none = figures[figures["way"] == "none"]
    for way, label in (("adapt", "adapted"), ("scratch", "trained on these frames alone")):
        curve = figures[figures["way"] == way]
        curve = pd.concat([none, curve]) if way == "adapt" else curve
        ends = [curve["dice"] - curve["low"], curve["high"] - curve["dice"]]
        axes.errorbar(curve["frames"], curve["dice"], ends, marker="o", capsize=3, label=label)
    axes.set(xlabel="labelled frames of the new hospital", ylabel="Dice on its other frames, 95 % interval")
    axes.legend()
    axes.figure.savefig(path)


def main(
    study: Annotated[Path, typer.Argument(help="A study's project with trained cells; or a collected FILE.parquet.")],
    out: Annotated[Path | None, typer.Argument(help="Folder of the runs' files.")] = None,
    method: Annotated[str, typer.Option(help="Of the cells.")] = "viewpoint_6min",
    site: Annotated[list[str] | None, typer.Option(help="These held-out sites alone.")] = None,
    test_frames: Annotated[int, typer.Option(help="Of each site.")] = 100,
    most: Annotated[int | None, typer.Option(help="Runs, then stop.")] = None,
    collect: Annotated[Path | None, typer.Option(help="Put all rows into this file.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw Dice against labelled frames: FILE.png or FILE.svg.")
    ] = None,
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
    if picture is not None:
        draw(rows, picture)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    typer.run(main)
