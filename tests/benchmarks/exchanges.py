"""What trained networks make of their dictionary, as Markdown: python -m tests.benchmarks.exchanges EXCHANGES METHOD...

EXCHANGES is artifacts/evaluate/exchanges.parquet, or a copy of it. A row a method: Dice as trained, the mean
over the sites left out of some frames with a lesion; by how much it changes where the dictionary is exchanged at test
for random, zero or shuffled vectors, where the intervention returns zeros, and where the head gets zeros at every place
of its grid, each with a 95 % interval over the frames, the trainings as they are; and the entropy of the attention,
over that of equal weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from mcdrl.artifacts.scores import EXCHANGED_Z, GRID_ZERO, TOKENS_ZERO
from stages.report.averages import MEAN, Draws
from stages.report.topics.exchanges import exchange_table

HEADS = {
    **{name: f"Z {name.removeprefix('z_')}" for name in EXCHANGED_Z},
    TOKENS_ZERO: "its tokens zero",
    GRID_ZERO: "all tokens zero",
}


def main(
    exchanges: Annotated[Path, typer.Argument(help="Parquet of Dice under each exchange.")],
    methods: Annotated[list[str], typer.Argument(help="Which, in this order.")],
) -> None:
    """Print the table."""
    for line in lines(pd.read_parquet(exchanges), methods):
        print("| " + " | ".join(line) + " |")


def lines(exchanges: pd.DataFrame, methods: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield head and rows.

    Args:
        exchanges: rows of `mcdrl.artifacts.scores.EXCHANGES`.
        methods: which of them.
    """
    yield ["method", "sites", "seeds", "Dice", *HEADS.values(), "entropy"]
    yield ["---"] * (5 + len(HEADS))
    for method in methods:
        own = exchanges[exchanges["method"] == method]
        table = exchange_table(own, Draws(2000, 0))
        means = table[table["held_out"] == MEAN].set_index("exchange").to_dict("index")
        first = means[TOKENS_ZERO]
        yield [
            f"`{method}`", str(own["held_out"].nunique()), str(own["seed"].nunique()), f"{first['dice_trained']:.3f}",
            *(f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})" for row in map(means.get, HEADS)),
            f"{first['entropy_trained']:.3f}",
        ]  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
