"""What looks at several sizes are worth, as Markdown: python -m tests.benchmarks.sizes_table LOOKS.parquet

LOOKS is what `tests.benchmarks.sizes` wrote. A row a network and combination of looks: mean Dice over the folds, the
mean difference from the network as it is with its 95 % interval over the frames, the share of the lesions that is
found, and false positives a frame; first on the validation frames of the sources, by which sizes are chosen, then at
the sites left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from mcdrl.metrics.intervals import DRAWS
from mcdrl.metrics.paired import compare, pair

SPLITS = {"validation": "validation", "held_out": "left out"}
_FIGURES = ("Dice", "difference", "lesions found", "false positives")


def main(looks: Annotated[Path, typer.Argument(help="Parquet of `tests.benchmarks.sizes`.")]) -> None:
    """Print the table."""
    for line in lines(pd.read_parquet(looks)):
        print("| " + " | ".join(line) + " |")


def lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield head and rows, the network as it is first."""
    head = ["network", "folds", "looks", *(f"{name}, {split}" for split in SPLITS.values() for name in _FIGURES)]
    yield head
    yield ["---"] * len(head)
    for network, own in rows.groupby("network"):
        as_it_is = "224v" if "224v" in set(own["looks"]) else "224"
        others = sorted(set(own["looks"]) - {as_it_is}, key=lambda name: (len(name.split("_")), name))
        for name in (as_it_is, *others):
            figures = [cell for split in SPLITS for cell in _figures(own[own["split"] == split], name, as_it_is)]
            yield [f"`{network}`", str(own["held_out"].nunique()), name, *figures]


def _figures(rows: pd.DataFrame, name: str, as_it_is: str) -> list[str]:
    ours, theirs = (rows[rows["looks"] == one] for one in (name, as_it_is))
    dice = ours.groupby("held_out")["dice"].mean().mean()
    found, false = ours["found"].sum() / ours["lesions"].sum(), ours["false"].sum() / len(ours)
    return [f"{dice:.3f}", "" if name == as_it_is else _difference(ours, theirs), f"{found:.2f}", f"{false:.2f}"]


def _difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    both = [part.dropna(subset=["dice"]) for part in (ours, theirs)]
    found = compare(list(pair(*both, "dice").values()), DRAWS, np.random.default_rng(0))
    return f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


if __name__ == "__main__":
    typer.run(main)
