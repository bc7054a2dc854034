"""YOLO's lines: shares of the frame's size, and classes by number or by the names that stand beside."""

import numpy as np
import pytest

from mcdrl.base.errors import InputError
from mcdrl.imaging.annotations.yolo import read_yolo
from tests.imaging.annotations.written import SIZE, SQUARE, square, write, yolo


@pytest.fixture
def read(tmp_path):
    def run(text, name="labels/train/a.b.txt"):
        return read_yolo([write(tmp_path / name, text)], tmp_path).sheets[0]

    return run


def test_lines_are_polygons_of_a_frame_called_like_the_file(read):
    sheet = read(f"\n{yolo(0, SQUARE)}\n  {yolo(12, SQUARE)}\n")
    assert (sheet.name, sheet.size, sheet.problem) == (("labels", "train", "a.b"), None, None)
    assert [mark.labels for mark in sheet.marks] == [("0",), ("12",)]
    assert [mark.place for mark in sheet.marks] == [f"labels/train/a.b.txt line {line}" for line in (2, 3)]
    assert np.array_equal(sheet.marks[0].shape.at(SIZE).filled(SIZE), square())


def test_an_empty_file_marks_nothing(read):
    assert (read("").marks, read("\n \n").marks) == ((), ())


@pytest.mark.parametrize("names", ["names: [polyp, tool]", "nc: 2\nnames: {0: polyp, 1: tool}"])
@pytest.mark.parametrize("place", ["data.yaml", "labels/data.yaml", "labels/train/data.yaml"])
def test_the_nearest_table_names_the_classes(read, tmp_path, names, place):
    write(tmp_path / "classes.txt", "wrong\nwrong\n")
    write(tmp_path / place, names)
    assert read(yolo(1, SQUARE)).marks[0].labels == ("tool", "1")


def test_a_list_of_classes_serves_and_is_no_frames_file(tmp_path):
    files = [
        write(tmp_path / name, text) for name, text in (("a.txt", yolo(1, SQUARE)), ("classes.txt", "polyp\ntool"))
    ]
    (sheet,) = read_yolo(files, tmp_path).sheets
    assert (sheet.name, sheet.marks[0].labels) == (("a",), ("tool", "1"))


def test_names_are_declared_whether_a_line_has_them_or_not(tmp_path):
    write(tmp_path / "data.yaml", "names: [polyp, tool]")
    assert read_yolo([write(tmp_path / "a.txt", "")], tmp_path).declared == {"polyp", "tool"}


def test_names_above_the_root_are_not_looked_for(tmp_path):
    write(tmp_path / "data.yaml", "names: [wrong]")
    file = write(tmp_path / "site" / "a.txt", yolo(0, SQUARE))
    assert read_yolo([file], tmp_path / "site").sheets[0].marks[0].labels == ("0",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("0 0.5 0.5 0.2 0.2", "box without an outline"),
        ("0 0.5 0.5 0.2 0.2 0.1", "malformed polygon"),
        ("0 0.5 0.5 nan 0.2 0.1 0.1", "malformed polygon"),
        ("0 a b c d e f", "malformed polygon"),
        ("0 0.5 0.5 0.5 0.5 0.1 0.1", "polygon with under three points"),
        ("0", "polygon with under three points"),
    ],
)
def test_what_cannot_be_drawn_is_told_by_its_line(read, line, problem):
    kind, detail = read(line).marks[0].shape
    assert (kind, detail.startswith("labels/train/a.b.txt line 1")) == (problem, True)


def test_a_file_that_is_no_text_costs_its_frame(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe0")
    (sheet,) = read_yolo([tmp_path / "a.txt"], tmp_path).sheets
    assert sheet.problem == ("unreadable annotation", "a.txt is no UTF-8 text (invalid start byte at byte 0)")


@pytest.mark.parametrize("text", ["nc: 3", "[]", "names: 3"])
def test_a_table_without_names_is_an_error(read, tmp_path, text):
    write(tmp_path / "data.yaml", text)
    with pytest.raises(InputError, match=r"data\.yaml has no 'names' of classes"):
        read(yolo(0, SQUARE))
