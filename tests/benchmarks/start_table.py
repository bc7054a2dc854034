"""What start-up takes of the default study, as Markdown: python -m tests.benchmarks.start_table START.parquet

START is what `tests.benchmarks.start` wrote. A row a stage, in order of what start-up takes there: processes, their
processor time, what of it went into Python's start and imports, and the libraries that take long and were loaded. The
last row is the whole study. With --alone a row a library that a process imports and then ends, and a row a stage or
command that explains itself by --help.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from tests.benchmarks.start import HELP, IMPORT, STUDY

_STUDY = ["stage", "processes", "processor time, s", "start-up, s", "a process", "share", "loaded"]
_ALONE = ["what is run", "processor time, s", "loaded"]


def main(
    start: Annotated[Path, typer.Argument(help="Parquet of `tests.benchmarks.start`.")],
    alone: Annotated[bool, typer.Option("--alone", help="A row a library or --help instead.")] = False,
) -> None:
    """Print the table."""
    rows = pd.read_parquet(start)
    lines = alone_lines(rows) if alone else study_lines(rows[rows["what"] == STUDY])
    for line in lines:
        print("| " + " | ".join(line) + " |")


def study_lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield head and rows of the study, the sum last."""
    yield _STUDY
    yield ["---"] * len(_STUDY)
    own = rows[rows["name"] != "all"]
    order = own.groupby("name")["start_s"].sum().sort_values(ascending=False).index
    for name in order:
        part = own[own["name"] == name]
        yield _line(name, part, float(part["cpu_s"].sum()), max(part["loaded"], key=len))
    yield _line("**all**", own, float(rows.loc[rows["name"] == "all", "cpu_s"].sum()), "")


def alone_lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    """Yield head and rows of what libraries take to be imported, and stages and commands to explain themselves."""
    yield _ALONE
    yield ["---"] * len(_ALONE)
    for what, shown in ((IMPORT, "import {}"), (HELP, "{} --help")):
        for row in rows[rows["what"] == what].sort_values("cpu_s", ascending=False).itertuples():
            yield [f"`{shown.format(row.name)}`", f"{row.cpu_s:.2f}", str(row.loaded)]


def _line(name: str, rows: pd.DataFrame, cpu_s: float, loaded: str) -> list[str]:
    start_s = float(rows["start_s"].sum())
    figures = [f"{cpu_s:.1f}", f"{start_s:.1f}", f"{start_s / len(rows):.2f}", f"{100 * start_s / cpu_s:.0f} %"]
    return [name, str(len(rows)), *figures, loaded]


if __name__ == "__main__":
    typer.run(main)
