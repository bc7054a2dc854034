"""Data frames as tables of a page."""

import pandas as pd

from mcdrl.drawing.html_tables import html_table

ROWS = pd.DataFrame({"held_out": ["A", "mean"], "dice": [0.25, 0.5]})
COLUMNS = {"site": lambda r: r["held_out"], "Dice": lambda r: f"{r['dice']:.1f}"}


def test_cells_are_written_by_heading_and_sums_are_strong():
    table = html_table(ROWS, COLUMNS, ("mean",))
    assert table.headings == ["site", "Dice"]
    assert table.rows == [["A", "0.2"], ["mean", "0.5"]]
    assert table.strong == [False, True]


def test_without_totals_or_their_column_no_row_is_strong():
    assert html_table(ROWS, COLUMNS).strong == [False, False]
    assert html_table(ROWS, COLUMNS, ("mean",), by="confounder").strong == [False, False]


def test_no_rows_are_a_table_with_headings():
    table = html_table(ROWS.iloc[:0], COLUMNS)
    assert (table.headings, table.rows) == (["site", "Dice"], [])


def test_a_shortened_table_has_its_sums_and_without_any_its_first_rows():
    table = html_table(pd.concat([ROWS] * 30, ignore_index=True), COLUMNS, ("mean",), descending=["Dice"])
    assert table.short.rows == [["mean", "0.5"]] * 30
    assert table.short.strong == [True] * 30
    assert (table.short.headings, table.short.descending) == (table.headings, table.descending)
    plain = html_table(pd.concat([ROWS] * 30, ignore_index=True), COLUMNS)
    assert plain.short.rows == plain.rows[:20]
