"""Numbers and files that anybody may have written."""

import pytest

from mcdrl.base.errors import InputError
from mcdrl.imaging.annotations import parsing
from mcdrl.imaging.annotations.annotated import Sheet
from mcdrl.imaging.annotations.parsing import json_of, numbers, run_lengths, size_of, sized, text_of, whole
from tests.imaging.annotations.written import write


@pytest.mark.parametrize(
    ("value", "found"),
    [(3, 3), (3.0, 3), (3.5, None), ("3", None), (True, None), (None, None), (float("nan"), None), (10**400, 10**400)],
)
def test_whole_numbers(value, found):
    assert whole(value) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [([1, "2.5"], [1.0, 2.5]), ("12", None), ([[1]], None), ([10**400], None), (["inf"], None), (None, None), ([], [])],
)
def test_lists_of_finite_numbers(values, found):
    assert numbers(values) == found


@pytest.mark.parametrize(
    ("pair", "found"),
    [
        ((4, 3.0), (4, 3)),
        (("4", " 3.0 "), (4, 3)),
        ((0, 3), None),
        ((-4, 3), None),
        ((None, 3), None),
        ((4.5, 3), None),
        (("4.5", 3), None),
    ],
)
def test_sizes(pair, found):
    assert size_of(*pair) == found


@pytest.mark.parametrize("value", [None, "", " ", 0, 0.0, "0"])
def test_a_size_that_is_not_given_stays_unknown(value):
    for pair in ((value, 3), (4, value), (value, value)):
        sheet = sized(Sheet("here", ("a",), None, ()), *pair)
        assert (sheet.size, sheet.problem) == (None, None)


@pytest.mark.parametrize("value", ["4 px", "4.5", 4.5, -4, "-4", True, [4], {}, float("nan"), "9" * 5000])
def test_a_size_that_is_none_costs_its_frame(value):
    for pair in ((value, 3), (4, value)):
        sheet = sized(Sheet("here", ("a",), None, ()), *pair)
        kind, told = sheet.problem
        assert (sheet.size, kind) == (None, "malformed size")
        assert told.startswith("here: ")
        assert len(told) < 160


def test_run_lengths_of_a_frame_too_large_to_be_read_are_malformed():
    assert run_lengths([1 << 40], (1 << 20, 1 << 20), "here")[0] == "malformed RLE"


def test_files_that_are_too_large_too_deep_or_no_text(tmp_path, monkeypatch):
    path = write(tmp_path / "a.json", '\ufeff{"a": [1]}')
    assert json_of(path) == {"a": [1]}
    monkeypatch.setattr(parsing, "MOST_BYTES", 5)
    with pytest.raises(InputError, match=r"a\.json has 13 bytes, more than 5; split it"):
        text_of(path)
    monkeypatch.undo()
    write(path, '{"a":' * 100_000)
    with pytest.raises(InputError, match="nests too deeply"):
        json_of(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is no UTF-8 text"):
        json_of(path)
    write(path, "9" * 5000)
    with pytest.raises(InputError, match="is not valid JSON"):
        json_of(path)
