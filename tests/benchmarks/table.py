"""Methods beside a reference, as Markdown: python -m tests.benchmarks.table SCORES.parquet REFERENCE METHOD...

A row a method: mean Dice over the sites left out, with its 95 % interval over the frames; the worst site; the mean
difference from the reference on the frames and seeds that both have, with its intervals over frames and seeds; and p,
the greater one of both, after Holm's correction over the table. With --sites a row a site, for one method or for
REFERENCE alone. SCORES is artifacts/evaluate/cases.parquet or a table of docs/measured, whose results docs/results.md
shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.intervals import Sample, mean_interval
from mcdrl.metrics.paired import Comparison, Pairs, compare, holm, pair

_DRAWS = 2000
_METHODS = ["method", "sites", "seeds", "mean (frames)", "worst", "less {} (frames)", "over seeds", "p"]
_SITES = ["held out", "{}", "{}", "difference (frames)", "over seeds", "p"]
Row = Sequence[str]


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet of Dice by method, held_out, seed and case_id.")],
    reference: Annotated[str, typer.Argument(help="The method that is subtracted.")],
    methods: Annotated[list[str] | None, typer.Argument(help="The others.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="These trainings alone.")] = None,
    sites: Annotated[bool, typer.Option("--sites", help="A row a site, for one method.")] = False,
) -> None:
    """Print the table."""
    rows = pd.read_parquet(scores).dropna(subset=["dice"])
    rows = rows[rows["seed"].isin(seed)] if seed else rows
    others = methods or []
    unknown = {reference, *others} - set(rows["method"])
    if unknown or (sites and len(others) > 1):
        raise typer.BadParameter(f"{scores} has no {sorted(unknown)}" if unknown else "--sites takes one method")
    for line in site_lines(rows, reference, *others) if sites else method_lines(rows, reference, others):
        print("| " + " | ".join(line) + " |")


def method_lines(rows: pd.DataFrame, reference: str, methods: Sequence[str]) -> Iterator[Row]:
    """Yield head and rows of the table of methods, the reference first."""
    parts = {name: _pairs(rows, name, reference) for name in methods}
    found = {name: _compared(list(own.values())) for name, own in parts.items()}
    yield from _head([text.format(f"`{reference}`") for text in _METHODS])
    corrected = _corrected(found)
    for name in (reference, *methods):
        own = _samples(rows, name)
        means = [float(sample.values.mean()) for sample in own.values()]
        seeds = rows.loc[rows["method"] == name, "seed"].nunique()
        beside = _beside(found[name], corrected[name]) if name in found else ["", "", ""]
        yield [f"`{name}`", str(len(own)), str(seeds), _mean(list(own.values())), f"{min(means):.3f}", *beside]


def site_lines(rows: pd.DataFrame, reference: str, method: str | None = None) -> Iterator[Row]:
    """Yield head and rows of the table of sites; the last one is their mean, which Holm's correction leaves alone."""
    if method is None:
        yield from _alone(rows, reference)
        return
    ours, theirs, parts = _samples(rows, method), _samples(rows, reference), _pairs(rows, method, reference)
    found = {site: _compared([own]) for site, own in parts.items()}
    corrected = _corrected(found)
    head = iter((f"`{reference}`", f"`{method}`"))
    yield from _head([text.format(next(head)) if text == "{}" else text for text in _SITES])
    for site, one in found.items():
        yield [site, _mean([theirs[site]]), _mean([ours[site]]), *_beside(one, corrected[site])]
    both = _compared(list(parts.values()))
    means = [_mean([samples[site] for site in parts]) for samples in (theirs, ours)]
    yield ["**mean**", *means, *_beside(both, both.p_both)]


def _alone(rows: pd.DataFrame, method: str) -> Iterator[Row]:
    samples = _samples(rows, method)
    yield from _head(["held out", "frames with a lesion", f"`{method}`"])
    for site, sample in samples.items():
        yield [site, str(len(sample.values)), _mean([sample])]
    yield ["**mean**", str(sum(len(sample.values) for sample in samples.values())), _mean(list(samples.values()))]


def _head(names: Row) -> Iterator[Row]:
    yield names
    yield ["---"] * len(names)


def _samples(rows: pd.DataFrame, method: str) -> dict[str, Sample]:
    """Return each site's Dice, a mean over the seeds a frame."""
    own = rows[rows["method"] == method]
    frames = own.groupby(["held_out", "case_id"], as_index=False).agg(
        dice=("dice", "mean"), group=("group_id", "first")
    )
    return {
        str(site): Sample(part["dice"].to_numpy(dtype=np.float64), part["group"].to_numpy())
        for site, part in frames.groupby("held_out")
    }


def _pairs(rows: pd.DataFrame, method: str, reference: str) -> dict[str, Pairs]:
    ours, theirs = (rows[rows["method"] == name] for name in (method, reference))
    return dict(sorted(pair(ours, theirs, "dice").items()))


def _compared(sites: Sequence[Pairs]) -> Comparison:
    return compare(sites, _DRAWS, np.random.default_rng(0))


def _corrected(found: dict[str, Comparison]) -> dict[str, float]:
    several = {name: one.p_both for name, one in found.items() if one.n_seeds > 1}
    return dict.fromkeys(found, float("nan")) | dict(zip(several, holm(list(several.values())), strict=True))


def _mean(sites: Sequence[Sample]) -> str:
    low, high = mean_interval(sites, _DRAWS, np.random.default_rng(0), within=(0.0, 1.0))
    return f"{np.mean([site.values.mean() for site in sites]):.3f} ({low:.3f} to {high:.3f})"


def _beside(one: Comparison, p: float) -> Row:
    difference = f"{one.difference:+.3f} ({one.low:+.3f} to {one.high:+.3f})"
    if one.n_seeds == 1:
        return [difference, "one training each", "–"]
    verdict = f"{p:.2g}" + (", sure" if one.sure(p) else "")
    return [difference, f"{one.seed_low:+.3f} to {one.seed_high:+.3f}", verdict]


if __name__ == "__main__":
    typer.run(main)
