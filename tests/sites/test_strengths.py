"""Strengths of confounders, from a site's table to rows."""

from pathlib import Path

import pytest

from mcdrl.artifacts.cases import STRENGTHS
from mcdrl.base.errors import InputError
from mcdrl.sites.folder import FrameFiles
from mcdrl.sites.strengths import read_strengths
from mcdrl.study.reading import Reading

COLUMNS = {"blur": "motion blur", "blood": "blood"}


def reading(**keys):
    return Reading(masks="{stem}", lesion_class="polyp", **{"table": "t.csv", "table_strengths": COLUMNS, **keys})


def source(stem):
    return FrameFiles(stem, f"images/{stem}.png", Path(f"images/{stem}.png"), None)


SOURCES = {f"A/{stem}": source(stem) for stem in ("one", "two", "three")}


def read(folder, text, **keys):
    (folder / "t.csv").write_text(text)
    return read_strengths(folder, reading(**keys), SOURCES)


def test_rows_are_found_by_name_file_or_path_and_empty_cells_are_left_open(tmp_path):
    rows = read(tmp_path, "file,blur,blood,x\none,0.5,,7\ntwo.png,0,1,7\nimages/three.png,1,0.25,7\nelse,9,9,9\n")
    assert rows.values.tolist() == [
        ["A/one", "motion blur", 0.5], ["A/two", "motion blur", 0.0], ["A/two", "blood", 1.0],
        ["A/three", "motion blur", 1.0], ["A/three", "blood", 0.25],
    ]  # fmt: skip
    STRENGTHS.write(rows, tmp_path / "s.parquet")
    assert len(STRENGTHS.read(tmp_path / "s.parquet")) == 5


def test_a_table_that_names_no_frame_gives_no_rows_and_can_be_written(tmp_path):
    rows = read(tmp_path, "file,blur,blood\nelse,0.5,1\n")
    STRENGTHS.write(rows, tmp_path / "s.parquet")
    assert STRENGTHS.read(tmp_path / "s.parquet").empty


def test_sites_whose_table_says_nothing_have_none(tmp_path):
    assert read(tmp_path, "file\none\n", table_strengths=None) is None


@pytest.mark.parametrize("cell", ["much", "1.5", "-0.1", "nan"])
def test_what_is_no_strength_is_named(tmp_path, cell):
    with pytest.raises(InputError, match=rf"t\.csv, images/two\.png, blood: '{cell}' is no strength"):
        read(tmp_path, f"file,blur,blood\none,0,0\ntwo,0,{cell}\n")


def test_rows_that_disagree_are_refused(tmp_path):
    with pytest.raises(InputError, match="two rows of 'one' with different strengths"):
        read(tmp_path, "file,blur,blood\none,0,0\none,0,1\n")
    assert len(read(tmp_path, "file,blur,blood\none,0,0\none,0,0\n")) == 2


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(InputError, match="no column 'blood'"):
        read(tmp_path, "file,blur\none,0\n")


def test_one_confounder_cannot_have_two_columns():
    with pytest.raises(ValueError, match="two columns"):
        reading(table_strengths={"a": "blood", "b": "blood"})


def test_strengths_need_a_table():
    assert any("table_strengths" in gap for gap in reading(table=None).gaps())


def test_rows_of_other_sites_are_left_out(tmp_path):
    text = "file,centre,blur,blood\none,north,0.25,0\none,south,1,1\ntwo,south,1,1\n"
    rows = read(tmp_path, text, table_rows={"centre": "north"})
    assert rows.values.tolist() == [["A/one", "motion blur", 0.25], ["A/one", "blood", 0.0]]
    with pytest.raises(InputError, match="two rows of 'one' with different strengths"):
        read(tmp_path, text)
