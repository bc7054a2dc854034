"""What pretrainings are worth, as Markdown: python -m tests.benchmarks.pretraining_table PRETRAINING.parquet

PRETRAINING is what `tests.benchmarks.pretraining` wrote. A row a pretraining, means over its seeds. Of the check
frames: recall of lesion in the top quarter of the grid, AUROC of lesion places by the class texts, AUROC over frames of
the class texts and of the confounder texts, mean and worst, and the share of unseen phrasings that are nearest to their
own concept; of drawn and of real sites, means over them, recall of lesion area and AUROC of lesion places, and of this
the mean difference from the first pretraining with its 95 % t interval over the seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.intervals import seeds_interval
from tests.benchmarks.pretraining import CHECK, DRAWN, PRETRAININGS, REAL

FIGURES = (
    (CHECK, "recall"), (CHECK, "auroc"), (CHECK, "classes"), (CHECK, "confounders"), (CHECK, "worst"),
    (CHECK, "phrasings"), (DRAWN, "recall"), (DRAWN, "auroc"), (REAL, "recall"), (REAL, "auroc"),
)  # fmt: skip
COMPARED = DRAWN, REAL
FIRST = next(iter(PRETRAININGS))


def main(pretraining: Annotated[Path, typer.Argument(help="Parquet of `tests.benchmarks.pretraining`.")]) -> None:
    """Print the table."""
    for line in lines(pd.read_parquet(pretraining)):
        print("| " + " | ".join(line) + " |")


def lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield head and rows, in the order in which pretrainings are named."""
    differences = [f"{kind}: AUROC less `{FIRST}`" for kind in COMPARED]
    yield ["pretraining", "seeds", *(f"{kind}: {_name(figure)}" for kind, figure in FIGURES), *differences]
    yield ["---"] * (2 + len(FIGURES) + len(COMPARED))
    by_seed = rows.groupby(["pretraining", "kind", "figure", "seed"])["value"].mean()
    for name in [name for name in PRETRAININGS if name in by_seed.index]:
        own = by_seed[name]
        means = own.groupby(level=["kind", "figure"]).mean()
        less = [_difference(by_seed, name, kind) for kind in COMPARED]
        seeds = str(own.index.unique("seed").size)
        yield [f"`{name}`", seeds, *(_shown(means.get(key)) for key in FIGURES), *less]


def _difference(by_seed: pd.Series[float], name: str, kind: str) -> str:
    own, first = (by_seed.get((one, kind, "auroc"), pd.Series(dtype=float)) for one in (name, FIRST))
    values = own.sub(first).dropna().to_numpy()
    if name == FIRST or not len(values):
        return ""
    low, high, _ = seeds_interval(values)
    return f"{values.mean():+.3f}" + ("" if np.isnan(low) else f" ({low:+.3f} to {high:+.3f})")


def _name(figure: str) -> str:
    return "AUROC" if figure == "auroc" else figure


def _shown(value: float | None) -> str:
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


if __name__ == "__main__":
    typer.run(main)
