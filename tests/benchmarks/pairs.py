"""Two methods on the same frames: python -m tests.benchmarks.pairs SCORES.parquet METHOD OTHER [--seed 0 ...]

Prints, site by site and over the sites, the mean difference in Dice on the frames and seeds that both have, its 95 %
interval over the frames, that over the seeds, and whether it is sure, as the page has them for the reference. SCORES is
artifacts/evaluate/cases.parquet or a table of docs/measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.intervals import DRAWS
from mcdrl.metrics.paired import Comparison, compare, pair


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet of Dice by method, held_out, seed and case_id.")],
    method: Annotated[str, typer.Argument(help="The one.")],
    other: Annotated[str, typer.Argument(help="The other, which is subtracted.")],
    seed: Annotated[list[int] | None, typer.Option(help="These trainings alone.")] = None,
) -> None:
    """Compare frame by frame and seed by seed."""
    rows = pd.read_parquet(scores)
    found = compared(rows[rows["seed"].isin(seed)] if seed else rows, method, other)
    if not found:
        raise typer.BadParameter(f"{scores}: {method} and {other} have no seed and frame in common")
    for name, one in found.items():
        print(f"{name}: {method} less {other} {one.difference:+.4f} {told(one)}, {one.n} frames")


def compared(rows: pd.DataFrame, method: str, other: str) -> dict[str, Comparison]:
    """Return the comparison of each site, then that of their `mean`; empty where the two have nothing in common."""
    defined = rows.dropna(subset=["dice"])
    sites = pair(*(defined[defined["method"] == name] for name in (method, other)), "dice")
    parts = {site: [own] for site, own in sites.items()} | ({"mean": list(sites.values())} if sites else {})
    return {name: compare(own, DRAWS, np.random.default_rng(0)) for name, own in parts.items()}


def told(found: Comparison) -> str:
    """Return intervals, p values and the verdict as text."""
    frames = f"(frames {found.low:.4f} to {found.high:.4f}, p {found.p:.2g}; "
    if found.n_seeds == 1:
        return f"{frames}one training each: not sure)"
    if np.isnan(found.seed_low):
        return f"{frames}{found.n_seeds} trainings that are alike: not sure)"
    seeds = f"{found.n_seeds} seeds {found.seed_low:.4f} to {found.seed_high:.4f}, p {found.seed_p:.2g}"
    verdict = "sure, if nothing else was asked" if found.sure(found.p_both) else "not sure"
    return f"{frames}{seeds}: {verdict})"


if __name__ == "__main__":
    typer.run(main)
