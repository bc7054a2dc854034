"""Splits in a CSV file."""

import pandas as pd
import pytest

from mcdrl.base.errors import InputError
from mcdrl.study.splits import COLUMNS, read_splits, straddling_group, write_splits

ROWS = [["A/2", "A", "g", "val"], ["A/1", "A", "h", "train"], ["B/ü,1", "B", "g", "train"]]


def table(rows=ROWS):
    return pd.DataFrame(rows, columns=COLUMNS, dtype="str")


def test_a_round_trip_keeps_everything_and_sorts(tmp_path):
    write_splits(table(), tmp_path / "s.csv")
    read = read_splits(tmp_path / "s.csv")
    assert read.values.tolist() == sorted(ROWS)
    write_splits(read, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()


def test_names_that_look_like_something_else_stay_text(tmp_path):
    rows = [["A/001", "A", "007", "train"], ["A/NA", "A", "NA", "val"], ["A/1e3", "A", "1.0", "val"]]
    write_splits(table(rows), tmp_path / "s.csv")
    assert sorted(read_splits(tmp_path / "s.csv").values.tolist()) == sorted(rows)


def test_a_name_that_a_spreadsheet_would_compute_is_shown_there_and_read_as_it_was(tmp_path):
    rows = [["A/1", "A", "=cmd()", "train"], ["A/2", "A", "'-1", "val"], ["A/3", "A", "+5", "val"]]
    write_splits(table(rows), tmp_path / "s.csv")
    text = (tmp_path / "s.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1:] == ["A/1,A,'=cmd(),train", "A/2,A,''-1,val", "A/3,A,'+5,val"]
    assert read_splits(tmp_path / "s.csv").values.tolist() == rows


def test_a_header_alone_has_no_rows(tmp_path):
    (tmp_path / "s.csv").write_text(",".join(COLUMNS) + "\n")
    assert read_splits(tmp_path / "s.csv").empty


def test_columns_in_another_order_and_a_byte_order_mark(tmp_path):
    (tmp_path / "s.csv").write_text("split,site,case_id,group_id\nval,A,A/1,g\n", encoding="utf-8-sig")
    assert read_splits(tmp_path / "s.csv").values.tolist() == [["A/1", "A", "g", "val"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no CSV"),
        (
            "case_id,site,split\n",
            r"the columns \['case_id', 'site', 'split'\], expected \['case_id', .*splits --reset",
        ),
        ("case_id,site,group_id,split\nA/1,A,,val\n", "line 2 has an empty cell"),
        ("case_id,site,group_id,split\nA/1,A,g,val\nA/2,A\n", "line 3 has an empty cell"),
        ("case_id,site,group_id,split\nA/1,A,g,val\nA/1,A,g,val\n", "'A/1' stands there twice"),
        ("case_id,site,group_id,split\nA/1,A,g,test\n", "the split of 'A/1' is 'test', expected train or val"),
        ("case_id,site,group_id,split\nA/1,B,g,val\n", "'A/1' is not of site 'B'"),
        ("case_id,site,group_id,split\nA/1,A,g,val\nA/2,A,g,train\n", "first 'g' of site A; keep groups whole"),
        ("case_id,site,group_id,split\nA/1,A,g,val,more,yet\n", "more cells than its header"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_splits(tmp_path / "s.csv")


def test_a_missing_file_names_the_way_out(tmp_path):
    with pytest.raises(InputError, match="sites splits --reset"):
        read_splits(tmp_path / "s.csv")


def test_equal_group_names_of_two_sites_are_two_groups():
    assert straddling_group(table([["A/1", "A", "g", "val"], ["B/1", "B", "g", "train"]])) == ""
