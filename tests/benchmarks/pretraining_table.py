"""What pretrainings are worth, as Markdown: python -m tests.benchmarks.pretraining_table PRETRAINING.parquet

PRETRAINING is what `tests.benchmarks.pretraining` wrote. A row a pretraining, means over its seeds. Of the check
frames: recall of lesion in the top quarter of the grid, AUROC of lesion places by the class texts, AUROC over frames of
the class texts and of the confounder texts, mean and worst, and the share of unseen phrasings that are nearest to their
own concept; of drawn and of real sites, means over them, recall of lesion area and AUROC of lesion places.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from tests.benchmarks.pretraining import CHECK, DRAWN, PRETRAININGS, REAL

FIGURES = (
    (CHECK, "recall"), (CHECK, "auroc"), (CHECK, "classes"), (CHECK, "confounders"), (CHECK, "worst"),
    (CHECK, "phrasings"), (DRAWN, "recall"), (DRAWN, "auroc"), (REAL, "recall"), (REAL, "auroc"),
)  # fmt: skip


def main(pretraining: Annotated[Path, typer.Argument(help="Parquet of `tests.benchmarks.pretraining`.")]) -> None:
    """Print the table."""
    for line in lines(pd.read_parquet(pretraining)):
        print("| " + " | ".join(line) + " |")


def lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield head and rows, in the order in which pretrainings are named."""
    yield ["pretraining", "seeds", *(f"{kind}: {_name(figure)}" for kind, figure in FIGURES)]
    yield ["---"] * (2 + len(FIGURES))
    for name in PRETRAININGS:
        own = rows[rows["pretraining"] == name]
        values = own.groupby(["kind", "figure"])["value"].mean()
        if len(own):
            yield [f"`{name}`", str(own["seed"].nunique()), *(_shown(values.get(key)) for key in FIGURES)]


def _name(figure: str) -> str:
    return "AUROC" if figure == "auroc" else figure


def _shown(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


if __name__ == "__main__":
    typer.run(main)
