"""How near to a bare loop the parts are that look at every frame, as Markdown: python -m tests.benchmarks.ratios RATIOS

RATIOS is the Parquet that the benchmarks predict, ingest, encode, epoch and no_op fill with --out. A row a part: the
processor time of both sides, and the bare loop's as a share of ours, each the median over the rounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

_HEAD = ["what", "rounds", "unit", "ours", "bare loop", "ratio"]


def main(ratios: Annotated[Path, typer.Argument(help="Parquet that the benchmarks fill.")]) -> None:
    """Print the table."""
    for line in lines(pd.read_parquet(ratios)):
        print("| " + " | ".join(line) + " |")


def lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield head and rows."""
    yield _HEAD
    yield ["---"] * len(_HEAD)
    for what, own in rows.groupby("what", sort=False):
        figures = [f"{own[side].median():.2f}" for side in ("ours", "bare")]
        ratio = f"{(own['bare'] / own['ours']).median():.2f}"
        yield [str(what), str(len(own)), str(own["unit"].iloc[0]), *figures, ratio]


if __name__ == "__main__":
    typer.run(main)
