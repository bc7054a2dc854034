"""What drawn screens cost, style by style: python -m tests.benchmarks.view.styles_table SCORES.parquet METHOD...

SCORES is what `tests.benchmarks.view.on_screens` wrote. Printed is a row a style, the dearest first, and one each of
those that show the picture otherwise and of the others: frames, and of each METHOD the mean difference in Dice from the
same frames without a screen, with its standard error, cut to the view that is found, cut to the true one and, where
that was asked, found and lifted. Only frames count that every METHOD was asked, in each of these ways.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from tests.benchmarks.table import head_cells
from tests.benchmarks.view.screens import RECOLOURED

_CUTS = {"_screen": "found view", "_screen_known": "true view", "_screen_lifted": "found view, lifted"}
_FRAME = ["held_out", "seed", "case_id"]


def main(
    scores: Annotated[Path, typer.Argument(help="Parquet of on_screens.")],
    methods: Annotated[list[str], typer.Argument(help="As the cells are called, without an ending.")],
) -> None:
    """Print the table."""
    rows = pd.read_parquet(scores).dropna(subset=["dice"])
    asked = set(rows["method"])
    columns = [(m + cut, m, f"`{m}`, {told}") for m in methods for cut, told in _CUTS.items() if m + cut in asked]
    found = pd.concat([lost(rows, column, method) for column, method, _ in columns])
    found = found[found.groupby("case_id")["column"].transform("nunique") == len(columns)]
    order = found.groupby("style")["lost"].mean().sort_values().index
    otherwise = found["style"].isin(RECOLOURED)
    parts = {style: found[found["style"] == style] for style in order}
    parts |= {"picture otherwise": found[otherwise], "the others": found[~otherwise]}
    lines = [["style", "frames", *(told for *_, told in columns)]]
    for name, part in parts.items():
        each = [part.loc[part["column"] == column, "lost"] for column, *_ in columns]
        lines.append([name, str(len(each[0])), *(f"{one.mean():+.3f} ({one.sem():.3f})" for one in each)])
    for line in [*head_cells(lines[0]), *lines[1:]]:
        print("| " + " | ".join(line) + " |")


def lost(rows: pd.DataFrame, shown: str, method: str) -> pd.DataFrame:
    """Return what each frame's Dice loses on its screen, with its style, and the name that it was scored under."""
    screens, bare = rows[rows["method"] == shown], rows[rows["method"] == method]
    both = screens.merge(bare, on=_FRAME, suffixes=("", "_bare"), validate="1:1")
    return both[["case_id", "style"]].assign(column=shown, lost=both["dice"] - both["dice_bare"])


if __name__ == "__main__":
    typer.run(main)
