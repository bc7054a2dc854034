"""What many frames and many cells cost, as Markdown: python -m tests.benchmarks.scale_table FIGURES.parquet STATE...

FIGURES is what `tests.benchmarks.scale` wrote. A row a step and size: CPU time, of all processes together, and peak
memory of the largest one, in each state of the code; wall time is in the file, too, and says as much of what else ran.
The last rows are the size of the report's page, and how the time of what was measured at several numbers of frames
grows: the exponent of their number between the two largest that a state has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from tests.benchmarks.scale import TABLES, WHOLE

_MISSING = "–"
_UNITS = {step.what: "cells" for step in (*TABLES, *WHOLE)}


def main(
    figures: Annotated[Path, typer.Argument(help="Parquet of `tests.benchmarks.scale`.")],
    states: Annotated[list[str], typer.Argument(help="States of the code, in the order of the columns.")],
) -> None:
    """Print the table."""
    for line in lines(pd.read_parquet(figures), states):
        print("| " + " | ".join(line) + " |")


def lines(rows: pd.DataFrame, states: Sequence[str]) -> Iterator[list[str]]:
    """Yield head and rows."""
    head = ["step", "of", *(f"{what}, {state}" for what in ("CPU s", "MiB") for state in states)]
    yield from (head, ["---"] * len(head))
    for (what, n), own in rows.groupby(["what", "n"], sort=False):
        at = own.set_index("state")
        cells = [_cell(at, state, name) for name in ("cpu_s", "peak_mib") for state in states]
        yield [f"`{what}`", f"{n:,} {_UNITS.get(what, 'frames')}", *cells]
    none = [""] * len(states)
    page = rows[rows["what"] == "report"].set_index("state")
    yield ["the page, MB", "", *(_cell(page, state, "page_mb", 1) for state in states), *none]
    for what in rows.loc[rows.duplicated(["state", "what"]), "what"].unique():
        yield [f"`{what}`, exponent", "", *(_growth(rows[rows["what"] == what], state) for state in states), *none]


def _cell(at: pd.DataFrame, state: str, name: str, digits: int = 0) -> str:
    value = at[name].get(state, np.nan)
    return _MISSING if np.isnan(value) else f"{value:,.{digits}f}"


def _growth(rows: pd.DataFrame, state: str) -> str:
    """Return log of the ratio of times over log of the ratio of frames."""
    own = rows[rows["state"] == state].sort_values("n").tail(2)
    if len(own) < 2:
        return _MISSING
    few, many = own["n"]
    exponent = np.diff(np.log(own["cpu_s"])) / np.diff(np.log(own["n"]))
    return f"{exponent[0]:.2f}, {few:,} to {many:,}"


if __name__ == "__main__":
    typer.run(main)
