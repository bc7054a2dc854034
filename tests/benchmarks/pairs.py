"""Two methods on the same frames: python tests/benchmarks/pairs.py SCORES.parquet METHOD OTHER

Prints the mean difference in Dice over the held-out sites, frames and seeds that both have, its 95 % interval over the
frames, that over the seeds, and whether it is sure, as the page has them for the reference. SCORES is
artifacts/evaluate/cases.parquet or a table of docs/measured.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.core.metrics.paired import Comparison, compare, pair

_DRAWS = 2000


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet of Dice by method, held_out, seed and case_id.")],
    method: Annotated[str, typer.Argument(help="The one.")],
    other: Annotated[str, typer.Argument(help="The other, which is subtracted.")],
) -> None:
    """Compare frame by frame and seed by seed."""
    rows = pd.read_parquet(scores).dropna(subset=["dice"])
    ours, theirs = (rows[rows["method"] == name] for name in (method, other))
    pairs = list(pair(ours, theirs, "dice").values())
    if not pairs:
        raise typer.BadParameter(f"{scores}: {method} and {other} have no seed and frame in common")
    found = compare(pairs, _DRAWS, np.random.default_rng(0))
    print(f"{method} less {other}: {found.difference:+.4f} {told(found)}, {found.n} frames of {len(pairs)} sites")


def told(found: Comparison) -> str:
    """Return intervals, p values and the verdict as text."""
    frames = f"(frames {found.low:.4f} to {found.high:.4f}, p {found.p:.2g}; "
    if found.n_seeds == 1:
        return f"{frames}one training each: not sure)"
    seeds = f"{found.n_seeds} seeds {found.seed_low:.4f} to {found.seed_high:.4f}, p {found.seed_p:.2g}"
    verdict = "sure, if nothing else was asked" if found.sure(found.p_both) else "not sure"
    return f"{frames}{seeds}: {verdict})"


if __name__ == "__main__":
    typer.run(main)
