"""Data frames -> tables of a page: headings, and each row's cells as texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

_FEW = 20  # rows of a table that is shortened
Row = dict[str, Any]
Write = Callable[[Row], str]


@dataclass(frozen=True)
class HtmlTable:
    """A formatted table, which the macro `table` draws.

    Attributes:
        headings: of the columns.
        rows: a text a column.
        strong: whether a row sums up others.
        descending: headings whose highest values come first when somebody sorts by them.
    """

    headings: list[str]
    rows: list[list[str]]
    strong: list[bool]
    descending: frozenset[str] = frozenset()

    @property
    def short(self) -> HtmlTable:
        """The rows that sum up others alone; of a table without such rows the first few."""
        kept = [place for place, strong in enumerate(self.strong) if strong] or list(range(len(self.rows)))[:_FEW]
        return replace(self, rows=[self.rows[k] for k in kept], strong=[self.strong[k] for k in kept])


def html_table(
    rows: pd.DataFrame,
    columns: Mapping[str, Write],
    totals: Sequence[str] = (),
    by: str = "held_out",
    descending: Iterable[str] = (),
) -> HtmlTable:
    """Format a table.

    Args:
        rows: the figures.
        columns: heading -> how a row's cell is written.
        totals: values of the column `by` whose rows sum up others.
        by: a column; it may be absent.
        descending: headings whose highest values are the best.
    """
    return HtmlTable(
        list(columns),
        [[write(row) for write in columns.values()] for row in records(rows)],
        [row.get(by) in totals for row in records(rows)],
        frozenset(descending),
    )


def records(rows: pd.DataFrame) -> list[Row]:
    """Return the rows as mappings from column to value."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
