"""Two methods on the same frames: python tests/benchmarks/pairs.py SCORES.parquet METHOD OTHER

Prints the mean difference in Dice over the held-out sites that both have, its 95 % interval and its p, as the page has
them for the reference. SCORES is artifacts/evaluate/cases.parquet or a table of docs/measured.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parents[2]))

from stages.core.metrics.paired import Pairs, compare

_KEYS = ["held_out", "case_id"]
_DRAWS = 2000


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet of Dice by method, held_out, seed and case_id.")],
    method: Annotated[str, typer.Argument(help="The one.")],
    other: Annotated[str, typer.Argument(help="The other, which is subtracted.")],
) -> None:
    """Compare means over the seeds, frame by frame."""
    rows = pd.read_parquet(scores).dropna(subset=["dice"])
    means = rows.groupby(["method", *_KEYS, "group_id"], as_index=False)["dice"].mean()
    ours, theirs = (means[means["method"] == name] for name in (method, other))
    both = ours.merge(theirs, on=_KEYS, suffixes=("", "_other"), validate="one_to_one")
    pairs = [
        Pairs((own["dice"] - own["dice_other"]).to_numpy(dtype=np.float64), own["group_id"].to_numpy())
        for _, own in both.groupby("held_out")
    ]
    found = compare(pairs, _DRAWS, np.random.default_rng(0))
    print(
        f"{method} less {other}: {found.difference:+.4f} ({found.low:.4f} to {found.high:.4f}), p {found.p:.2g}, "
        f"{found.n} frames of {len(pairs)} sites"
    )


if __name__ == "__main__":
    typer.run(main)
