"""Methods beside a reference, as Markdown: python -m tests.benchmarks.table SCORES.parquet REFERENCE METHOD...

A row a method: mean Dice over the sites left out, with its 95 % interval over the frames; the worst site; the mean
difference from the reference on the frames and seeds that both have, with its intervals over frames and seeds; and p,
the greater one of both, after Holm's correction over the table; blank where they have none in common. With --sites a
row a site, for one method or for REFERENCE alone. SCORES is artifacts/evaluate/cases.parquet or a table of
docs/measured, whose results docs/results.md shows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.intervals import DRAWS, Sample, mean_interval
from mcdrl.metrics.paired import SURE, Comparison, Pairs, compare, holm, pair

_METHODS = ["method", "sites", "seeds", "mean (frames)", "worst", "less {} (frames)", "over seeds", "p"]
_SITES = ["held out", "{}", "{}", "difference (frames)", "over seeds", "p"]
Row = Sequence[str]
Key = TypeVar("Key", bound=Hashable)


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet of Dice by method, held_out, seed and case_id.")],
    reference: Annotated[str, typer.Argument(help="The method that is subtracted.")],
    methods: Annotated[list[str] | None, typer.Argument(help="The others.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="These trainings alone.")] = None,
    sites: Annotated[bool, typer.Option("--sites", help="A row a site, for one method.")] = False,
    held_out: Annotated[list[str] | None, typer.Option(help="These sites alone.")] = None,
    frames_of: Annotated[Path | None, typer.Option(help="Only frames that this table has, too.")] = None,
) -> None:
    """Print the table."""
    rows = pd.read_parquet(scores).dropna(subset=["dice"])
    rows = rows[rows["seed"].isin(seed)] if seed else rows
    rows = rows[rows["held_out"].isin(held_out)] if held_out else rows
    rows = rows[rows["case_id"].isin(pd.read_parquet(frames_of)["case_id"])] if frames_of else rows
    others = methods or []
    unknown = {reference, *others} - set(rows["method"])
    if unknown or (sites and len(others) > 1):
        raise typer.BadParameter(f"{scores} has no {sorted(unknown)}" if unknown else "--sites takes one method")
    for line in site_lines(rows, reference, *others) if sites else method_lines(rows, reference, others):
        print("| " + " | ".join(line) + " |")


def method_lines(rows: pd.DataFrame, reference: str, methods: Sequence[str]) -> Iterator[Row]:
    """Yield head and rows of the table of methods, the reference first."""
    parts = {name: pairs_of(rows, name, reference) for name in methods}
    found = {name: over_sites(list(own.values())) for name, own in parts.items() if own}
    yield from head_cells([text.format(f"`{reference}`") for text in _METHODS])
    corrected = corrected_p(found)
    for name in (reference, *methods):
        own = samples_of(rows, name)
        means = [float(sample.values.mean()) for sample in own.values()]
        seeds = rows.loc[rows["method"] == name, "seed"].nunique()
        beside = difference_cells(found[name], corrected[name]) if name in found else ["", "", ""]
        yield [f"`{name}`", str(len(own)), str(seeds), mean_cell(list(own.values())), f"{min(means):.3f}", *beside]


def site_lines(rows: pd.DataFrame, reference: str, method: str | None = None) -> Iterator[Row]:
    """Yield head and rows of the table of sites; the last one is their mean, which Holm's correction leaves alone."""
    if method is None:
        yield from _alone(rows, reference)
        return
    ours, theirs, parts = samples_of(rows, method), samples_of(rows, reference), pairs_of(rows, method, reference)
    found = {site: over_sites([own]) for site, own in parts.items()}
    corrected = corrected_p(found)
    head = iter((f"`{reference}`", f"`{method}`"))
    yield from head_cells([text.format(next(head)) if text == "{}" else text for text in _SITES])
    for site, one in found.items():
        yield [site, mean_cell([theirs[site]]), mean_cell([ours[site]]), *difference_cells(one, corrected[site])]
    if not parts:
        yield ["**mean**", *[""] * (len(_SITES) - 1)]
        return
    both = over_sites(list(parts.values()))
    means = [mean_cell([samples[site] for site in parts]) for samples in (theirs, ours)]
    yield ["**mean**", *means, *difference_cells(both, both.p_both)]


def _alone(rows: pd.DataFrame, method: str) -> Iterator[Row]:
    samples = samples_of(rows, method)
    yield from head_cells(["held out", "frames with a lesion", f"`{method}`"])
    for site, sample in samples.items():
        yield [site, str(len(sample.values)), mean_cell([sample])]
    yield ["**mean**", str(sum(len(sample.values) for sample in samples.values())), mean_cell(list(samples.values()))]


def head_cells(names: Row) -> Iterator[Row]:
    """Yield the two lines that a table begins with."""
    yield names
    yield ["---"] * len(names)


def samples_of(rows: pd.DataFrame, method: str) -> dict[str, Sample]:
    """Return each site's Dice, a mean over the seeds a frame."""
    own = rows[rows["method"] == method]
    frames = own.groupby(["held_out", "case_id"], as_index=False).agg(
        dice=("dice", "mean"), group=("group_id", "first")
    )
    return {
        str(site): Sample(part["dice"].to_numpy(dtype=np.float64), part["group"].to_numpy())
        for site, part in frames.groupby("held_out")
    }


def pairs_of(rows: pd.DataFrame, method: str, reference: str) -> dict[str, Pairs]:
    """Return the differences of each site, sites sorted; empty where the two have nothing in common."""
    ours, theirs = (rows[rows["method"] == name] for name in (method, reference))
    try:
        return dict(sorted(pair(ours, theirs, "dice").items()))
    except ValueError as error:
        raise typer.BadParameter(f"{method} and {reference}: {error}") from None


def over_sites(sites: Sequence[Pairs]) -> Comparison:
    """Return what the differences of some sites amount to, each site with equal weight."""
    return compare(sites, DRAWS, np.random.default_rng(0))


def corrected_p(found: Mapping[Key, Comparison]) -> dict[Key, float]:
    """Return p of each row after Holm's correction over all of them; NaN where there is one training each."""
    several = {name: one.p_both for name, one in found.items() if one.n_seeds > 1}
    return dict.fromkeys(found, float("nan")) | dict(zip(several, holm(list(several.values())), strict=True))


def mean_cell(sites: Sequence[Sample]) -> str:
    """Return the mean over sites with its interval over the frames."""
    low, high = mean_interval(sites, DRAWS, np.random.default_rng(0), within=(0.0, 1.0))
    between = "no interval" if np.isnan(low) else f"{low:.3f} to {high:.3f}"
    return f"{np.mean([site.values.mean() for site in sites]):.3f} ({between})"


def difference_cells(one: Comparison, p: float) -> Row:
    """Return the difference with its interval over the frames, that over the seeds, and p with the verdict."""
    between = "no interval" if np.isnan(one.low) else f"{one.low:+.3f} to {one.high:+.3f}"
    difference = f"{one.difference:+.3f} ({between})"
    if one.n_seeds == 1:
        return [difference, "one training each", "–"]
    if np.isnan(one.seed_low):
        return [difference, "no interval: trainings are alike", "–"]
    verdict = p_cell(p) + (", sure" if one.sure(p) else "")
    return [difference, f"{one.seed_low:+.3f} to {one.seed_high:+.3f}", verdict]


def p_cell(p: float) -> str:
    """Return p with two digits, or as many more as say on which side of the limit of "sure" it lies."""
    texts = (f"{p:.{digits}g}" for digits in range(2, 18))
    return next(text for text in texts if (float(text) < SURE) == (p < SURE))


if __name__ == "__main__":
    typer.run(main)
