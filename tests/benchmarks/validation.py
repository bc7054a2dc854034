"""The validation Dice by which trainings chose their epoch: python -m tests.benchmarks.validation OUT MODEL...

MODELs are folders of trained cells, artifacts/train/<method>/<held out>/<seed>. OUT is a parquet of a row a cell, which
`tests.benchmarks.table` shows as it does scores of frames: `dice` is the model's own `val_dice`, the mean over
validation frames of the cell's source sites, and there is one such row a cell, so no interval over frames. Rows of
other cells that OUT holds stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from mcdrl.model.card import read_card

KEY = ["method", "held_out", "seed"]
ALL = "validation frames of the sources"


def main(
    out: Annotated[Path, typer.Argument(help="Parquet.")],
    models: Annotated[list[Path], typer.Argument(help="Folders of trained cells.")],
) -> None:
    """Collect."""
    every = pd.concat(([pd.read_parquet(out)] if out.is_file() else []) + [pd.DataFrame(rows(models))])
    every.drop_duplicates(KEY, keep="last").sort_values(KEY, ignore_index=True).to_parquet(out)


def rows(models: Sequence[Path]) -> Iterator[dict[str, object]]:
    """Yield a row a cell."""
    for card in map(read_card, models):
        yield dict(zip(KEY, (card.variant, card.held_out, card.seed), strict=True)) | {
            "case_id": ALL,
            "group_id": ALL,
            "dice": card.val_dice,
        }


if __name__ == "__main__":
    typer.run(main)
