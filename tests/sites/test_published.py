"""Splits that were taken over from a file."""

import pandas as pd
import pytest

from mcdrl.base.errors import InputError
from mcdrl.sites.published import take_over
from mcdrl.study.splits import COLUMNS

CASES = pd.DataFrame(
    {"case_id": ["A/1", "A/2", "A/3"], "site": "A", "group_id": ["g", "g", "h"], "split": ["train", "train", "val"]}
)


def splits(*rows):
    return pd.DataFrame([(f"{site}/{name}", site, "x", side) for site, name, side in rows], columns=COLUMNS)


def test_the_file_decides():
    cases, notes = take_over("A", CASES, splits(("A", 3, "train"), ("A", 1, "val"), ("A", 2, "val")))
    assert cases["split"].tolist() == ["val", "val", "train"]
    assert notes == []
    assert CASES["split"].tolist() == ["train", "train", "val"]


def test_a_site_without_rows_stays_as_it_is():
    cases, notes = take_over("A", CASES, splits(("B", 1, "val")))
    assert cases.equals(CASES)
    assert notes == []
    assert take_over("A", CASES, splits())[0].equals(CASES)


def test_a_frame_without_a_row_is_an_error():
    with pytest.raises(InputError, match="none for 2 of its 3 frames, the first 'A/1'"):
        take_over("A", CASES, splits(("A", 3, "train")))


def test_the_site_s_own_groups_stay_whole():
    with pytest.raises(InputError, match=r"site A: by the file of splits, 1 group.* the first 'g'"):
        take_over("A", CASES, splits(("A", 1, "train"), ("A", 2, "val"), ("A", 3, "val")))


def test_a_row_without_a_frame_is_told_of():
    rows = [("A", 1, "val"), ("A", 2, "val"), ("A", 3, "train"), ("A", 9, "train")]
    _, notes = take_over("A", CASES, splits(*rows))
    assert [(note.file, note.kind) for note in notes] == [("A/9", "row of the splits without a frame")]
