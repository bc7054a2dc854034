"""Promise and outcome at sites left out: python -m tests.benchmarks.acceptance METHOD SCORES.parquet...

Each site is taken for the new hospital in turn: what the other sites' cells reached is the promise, which so has never
seen it, and what its own cell reached is the outcome, as `mcdrl accept` finds it there. A row a site; with --frames a
row a number of frames instead: what the verdict would have been on as many frames with a lesion, drawn by whole groups,
and how often it agrees with the mean over all of the site's frames. SCORES is artifacts/evaluate/cases.parquet or a
table of docs/measured; several: their rows together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.base.seeds import generator
from mcdrl.metrics.intervals import Sample, mean_interval
from mcdrl.metrics.verdict import ExpectedDice, FoundDice, Verdict, expected, judge

_DRAWS, _HOSPITALS = 500, 200
_SIZES = (10, 20, 50, 100, 200)
_SHOWN = (Verdict.AS_PROMISED, Verdict.WORSE, Verdict.BETTER, Verdict.TOO_FEW)
Row = Sequence[str]


def main(
    method: Annotated[str, typer.Argument(help="Its cells are taken.")],
    scores: Annotated[list[Path], typer.Argument(help="Parquet of Dice by method, held_out, seed and case_id.")],
    seed: Annotated[int, typer.Option(help="This training alone.")] = 0,
    frames: Annotated[bool, typer.Option("--frames", help="A row a number of frames.")] = False,
) -> None:
    """Print the table."""
    rows = pd.concat([pd.read_parquet(path) for path in scores], ignore_index=True).dropna(subset=["dice"])
    own = rows[(rows["method"] == method) & (rows["seed"] == seed)]
    sites = {str(site): _sample(part) for site, part in own.groupby("held_out", sort=True)}
    if len(sites) < 4:
        raise typer.BadParameter(f"{method}, seed {seed}: {len(sites)} sites, expected 4 and more: 3 make a promise")
    for line in frame_lines(sites) if frames else site_lines(sites):
        print("| " + " | ".join(line) + " |")


def site_lines(sites: dict[str, Sample]) -> Iterator[Row]:
    """Yield head and rows of promise and outcome."""
    yield ["new hospital", "promise", "expected there", "found", "frames", "verdict"]
    yield ["---"] * 6
    for site, sample in sites.items():
        promised, found = promise_for(site, sites), outcome(sample, site)
        yield [
            site, f"{promised.mean:.3f}", f"{promised.low:.3f} to {promised.high:.3f}",
            f"{found.mean:.3f} ({found.low:.3f} to {found.high:.3f})", str(len(sample.values)),
            judge(promised, found).value,
        ]  # fmt: skip


def frame_lines(sites: dict[str, Sample]) -> Iterator[Row]:
    """Yield head and rows of what few frames would have said."""
    yield ["frames", *(verdict.value for verdict in _SHOWN), "'as promised' is right", "'worse' is right"]
    yield ["---"] * 7
    for size in _SIZES:
        said = [pair for site in sites if len(sites[site].values) >= 2 * size for pair in _few(site, sites, size)]
        if not said:
            continue
        counts = Counter(verdict for verdict, _ in said)
        shares = [f"{100 * counts[verdict] / len(said):.0f} %" for verdict in _SHOWN]
        yield [str(size), *shares, _right(said, Verdict.AS_PROMISED, (0, 1)), _right(said, Verdict.WORSE, (-1,))]


def promise_for(site: str, sites: dict[str, Sample]) -> ExpectedDice:
    """Return where a site is expected by what the others reached."""
    found = expected([float(sample.values.mean()) for other, sample in sites.items() if other != site])
    assert found is not None
    return found


def outcome(sample: Sample, *names: str | int) -> FoundDice:
    """Return a site's mean Dice with its interval."""
    low, high = mean_interval([sample], _DRAWS, generator("acceptance", *names), (0.0, 1.0))
    return FoundDice(float(sample.values.mean()), low, high, sample.n_groups)


def _few(site: str, sites: dict[str, Sample], size: int) -> Iterator[tuple[Verdict, int]]:
    """Yield the verdict on some frames of a site, and where the mean over all of them lies: -1 below, 0 in, 1 above."""
    promised, whole = promise_for(site, sites), sites[site]
    mean = float(whole.values.mean())
    place = -1 if mean < promised.low else int(mean > promised.high)
    for draw in range(_HOSPITALS):
        rng = generator("acceptance", site, size, draw)
        yield judge(promised, outcome(_drawn(whole, size, rng), site, size, draw)), place


def _drawn(sample: Sample, size: int, rng: np.random.Generator) -> Sample:
    """Return whole groups of a sample, in a drawn order, until they have so many frames."""
    names, member = np.unique(sample.groups, return_inverse=True)
    order = rng.permutation(len(names))
    rank = np.argsort(order)[member]
    sizes = np.cumsum(np.bincount(member)[order])
    kept = rank <= int(np.searchsorted(sizes, size))
    return Sample(sample.values[kept], sample.groups[kept])


def _right(said: Sequence[tuple[Verdict, int]], verdict: Verdict, places: Sequence[int]) -> str:
    own = [place in places for one, place in said if one is verdict]
    return f"{100 * np.mean(own):.0f} % of {len(own)}" if own else "–"


def _sample(rows: pd.DataFrame) -> Sample:
    return Sample(rows["dice"].to_numpy(dtype=np.float64), rows["group_id"].to_numpy())


if __name__ == "__main__":
    typer.run(main)
