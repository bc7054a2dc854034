"""LabelMe's shapes: boxes and masks exact, circles by their radius; a bad file costs its frame alone."""

import json

import numpy as np
import pytest

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.annotations.annotated import Annotation
from mcdrl.imaging.annotations.labelme import read_labelme
from tests.imaging.annotations.written import (
    RAGGED,
    SIZE,
    SQUARE,
    blob,
    labelme,
    labelme_shape,
    peak_bytes,
    png,
    square,
    write,
)  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def run(text, name="deep/a.json"):
        (sheet,) = read_labelme([write(tmp_path / name, text)], tmp_path).sheets
        return sheet

    return run


@pytest.fixture
def marked(read):
    def run(kind, points, **more):
        (mark,) = read(labelme("a.png", [labelme_shape("polyp", kind, points, **more)])).marks
        return mark.shape

    return run


@pytest.mark.parametrize("points", [[(2, 3), (12, 9)], [(12, 9), (2, 3)], [(2, 9), (12, 3)], SQUARE])
def test_a_rectangle_has_two_opposite_corners_or_all_four(marked, points):
    assert np.array_equal(marked("rectangle", points).filled(SIZE), square())


@pytest.mark.parametrize("kind", ["polygon", None, "oriented_rectangle"])
def test_a_polygon_is_what_older_files_have_without_saying_so(marked, kind):
    assert np.array_equal(marked(kind, SQUARE).filled(SIZE), square())


def test_a_circle_has_its_centre_and_a_point_on_it(marked):
    circle = marked("circle", [(20, 15), (26, 7)])
    rows, columns = np.mgrid[:30, :40] + 0.5
    assert np.array_equal(circle.filled(SIZE), np.hypot(columns - 20, rows - 15) <= 10)


@pytest.mark.parametrize("kind", [np.uint8, bool])
def test_a_mask_covers_its_box_with_the_last_row_and_column(marked, kind):
    mask = blob(5, (9, 4))
    found = marked("mask", [(3, 2), (11, 5)], mask=png(mask.astype(kind) * kind(1))).filled(SIZE)
    assert np.array_equal(found[2:6, 3:12], mask)
    assert found.sum() == mask.sum()


def test_masks_stay_packed_until_their_frame_is_drawn(read):
    mask = labelme_shape("polyp", "mask", [(0, 0), (3999, 3999)], mask=png(np.zeros((4000, 4000), bool)))
    text = labelme("a.png", [mask] * 20)
    assert peak_bytes(lambda: read(text)) < 4 << 20


def test_a_mask_that_breaks_off_is_told_when_it_is_unpacked(marked):
    found = marked("mask", [(0, 0), (8, 3)], mask=png(blob(5, (9, 4)))[:60])
    with pytest.raises(RefusedError, match=r"unreadable mask: here: .*truncated"):
        Annotation("here", None, found).on(SIZE)


def test_the_frame_is_that_of_image_path_seen_from_the_file(read):
    sheet = read(labelme("..\\images\\a.jpg", [labelme_shape("x", "polygon", RAGGED)]), "labels/a.json")
    assert (sheet.name, sheet.size, sheet.problem) == (("images", "a"), SIZE, None)
    assert sheet.marks[0].labels == ("x",)
    assert sheet.marks[0].place == "labels/a.json shape 0"


def test_a_size_that_is_not_given_is_not_checked(read):
    assert read(labelme("a.png", [], (None, None))).size is None


@pytest.mark.parametrize(
    ("kind", "points", "more", "problem"),
    [
        ("line", [(0, 0), (5, 5)], {}, "shape without an area"),
        ("point", [(0, 0)], {}, "shape without an area"),
        ("circle", [(4, 4), (4, 4)], {}, "shape without an area"),
        ("circle", [(4, 4)], {}, "malformed shape"),
        ("rectangle", [(4, 4), (5, 5), (6, 6)], {}, "malformed shape"),
        ("polygon", [(4, 4), (5, 5)], {}, "polygon with under three points"),
        ("polygon", [], {}, "malformed shape"),
        ("polygon", [(1, 2), (3, float("inf")), (5, 6)], {}, "malformed shape"),
        ("polygon", [(1, 2), (3, 4, 5), (5, 6)], {}, "malformed shape"),
        ("mask", [(0, 0), (8, 3)], {"mask": None}, "unreadable mask"),
        ("mask", [(0, 0), (8, 3)], {"mask": "?"}, "unreadable mask"),
        ("mask", [(0, 0), (8, 3)], {"mask": png(blob(5, (9, 4)))[:20]}, "unreadable mask"),
        ("mask", [(0, 0), (8, 4)], {"mask": png(blob(5, (9, 4)))}, "mask of another size than its box"),
    ],
)
def test_what_has_no_area_is_told_by_its_place(marked, kind, points, more, problem):
    found, detail = marked(kind, points, **more)
    assert (found, detail.startswith("deep/a.json shape 0")) == (problem, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "unreadable annotation"),
        ("[]", "no LabelMe file"),
        ('{"shapes": []}', "no LabelMe file"),
        ('{"shapes": {}, "imagePath": "a.png"}', "no LabelMe file"),
        (labelme("b.png", []), "annotation of another frame"),
        (labelme("", []), "annotation of another frame"),
    ],
)
def test_a_file_that_cannot_be_used_costs_its_frame(read, tmp_path, text, problem):
    sheet = read(text)
    assert (sheet.name, sheet.problem[0]) == (("deep", "a"), problem)
    assert str(tmp_path) not in sheet.problem[1]


@pytest.mark.parametrize("name", ["a.xyz", "a.IMA", " a.png ", "../deep/a.mha"])
def test_a_file_belongs_to_the_frame_of_its_stem_whatever_the_ending(read, name):
    sheet = read(labelme(name, []))
    assert (sheet.name, sheet.problem) == (("deep", "a"), None)


def test_shapes_that_are_none(read):
    marks = read(json.dumps({"shapes": [3, {"label": 4}], "imagePath": "a.png"})).marks
    assert [mark.shape[0] for mark in marks] == ["malformed shape"] * 2
