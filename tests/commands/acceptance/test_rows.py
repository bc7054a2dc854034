"""cases.csv as spreadsheets read it."""

import io

import pandas as pd

from mcdrl.commands.acceptance.rows import CaseRow, as_csv, table


def test_rows_are_sorted_numbers_are_whole_and_no_text_is_computed():
    rows = [
        CaseRow("b.png", width_px=40, height_px=30, tp=7, dice=0.5, flagged="yes", lesion_class="=1+1"),
        CaseRow("a.png", "mask of another size: \x1b[31m"),
    ]
    text = as_csv(table(rows))
    first, second = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False).to_dict("records")
    assert (first["frame"], second["frame"]) == ("a.png", "b.png")
    assert first["reason"] == "mask of another size: \\x1b[31m"
    assert (second["width_px"], second["tp"], second["dice"], second["fp"]) == ("40", "7", "0.5", "")
    assert second["lesion_class"] == "'=1+1"
