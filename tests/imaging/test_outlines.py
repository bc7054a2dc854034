"""Polygons in BM-BronchoLC's published form become label maps; what can't be drawn is refused by name."""

import json

import numpy as np
import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.outlines import Outline, clipped, draw, overlapping_px, read_outlines
from mcdrl.study.reading import Reading

LABELS = [{"id": "id-t", "name": "Tumor"}, {"id": "id-e", "name": "Erythema"}, {"id": "id-c", "name": "Main carina"}]
CLASSES = {"Tumor": "tumor", "id-e": "inflammation", "Main carina": None}
SQUARE = [(2, 3), (5, 3), (5, 6), (2, 6)]


def entry(image, labels, points):
    data = [{"x": x, "y": y} for x, y in points]
    return {"object_id": image, "label_ids": labels, "data": data}


@pytest.fixture
def read(tmp_path):
    def run(entries, labels=LABELS, classes=CLASSES):
        folder = tmp_path / "Lung_cancer"
        folder.mkdir(exist_ok=True)
        (folder / "annotation.json").write_text(json.dumps(entries))
        (folder / "labels.json").write_text(json.dumps(labels))
        return read_outlines(tmp_path, Reading(polygons="*/annotation.json", label_class=classes))

    return run


def rows(text):
    return np.array([[int(cell) for cell in line] for line in text.split()], np.uint8)


def test_a_square_and_its_outline_by_hand():
    mask = draw([Outline("", "tumor", tuple(SQUARE))], (8, 9), {"tumor": 2})
    assert np.array_equal(
        mask,
        rows("00000000 00000000 00000000 00222200 00222200 00222200 00222200 00000000 00000000"),
    )


def test_fractions_are_cut_and_a_triangle_by_hand():
    mask = draw([Outline("", "tumor", ((0.9, 0.2), (4.7, 0.0), (0.0, 4.99)))], (6, 6), {"tumor": 1})
    assert np.array_equal(mask, rows("111110 111100 111000 110000 100000 000000"))


def test_a_small_lesion_on_a_large_one_stays_visible_in_either_order():
    large = Outline("", "inflammation", ((0, 0), (7, 0), (7, 7), (0, 7)))
    small = Outline("", "tumor", ((3, 3), (4, 3), (4, 4), (3, 4)))
    for outlines in ([large, small], [small, large]):
        mask = draw(outlines, (8, 8), {"tumor": 2, "inflammation": 3})
        assert np.bincount(mask.ravel()).tolist() == [0, 0, 4, 60]


def test_what_reaches_out_of_the_frame_is_cut_off_and_told():
    outline = Outline("a", "tumor", ((-3, -3), (1, -3), (1, 1), (-3, 1)))
    assert np.array_equal(draw([outline], (4, 4), {"tumor": 1}), rows("1100 1100 0000 0000"))
    assert clipped([outline, Outline("b", "tumor", ((0, 0), (4, 0), (4, 4)))], (4, 4)) == [outline]


def test_a_polygon_outside_the_frame_refuses_it():
    beside = Outline("annotation.json entry 3", "tumor", ((9, 0), (12, 0), (12, 3)))
    past_the_corner = Outline("annotation.json entry 3", "tumor", ((7, -6), (14, -6), (14, 3)))
    for outline in (beside, past_the_corner):
        with pytest.raises(
            RefusedError, match=r"polygon outside the frame: annotation\.json entry 3; the frame is 8x8"
        ):
            draw([outline], (8, 8), {"tumor": 1})


@pytest.mark.parametrize("far", [81, -9, 10**9, 1e308])
def test_a_polygon_of_another_scale_refuses_its_frame_as_among_annotations(far):
    outline = Outline("annotation.json entry 3", "tumor", ((1, 1), (far, 1), (1, 4)))
    told = r"shape far outside the frame: annotation\.json entry 3: it lies within .*; the frame is 8x8"
    with pytest.raises(RefusedError, match=told):
        draw([outline], (8, 8), {"tumor": 1})


def test_pixels_of_two_classes_are_counted():
    one = Outline("", "polyp", ((0, 0), (3, 0), (3, 3), (0, 3)))
    two = Outline("", "tumor", ((2, 2), (5, 2), (5, 5), (2, 5)))
    assert overlapping_px([one, two], (8, 8)) == 4
    assert overlapping_px([one, Outline("", "polyp", two.points)], (8, 8)) == 0


def test_several_polygons_of_several_classes_by_name_or_id(read):
    found = read([entry("a", ["id-t"], SQUARE), entry("a", ["id-e"], SQUARE), entry("b", ["id-c"], SQUARE)])
    assert [outline.lesion_class for outline in found.of["a"]] == ["tumor", "inflammation"]
    assert (list(found.of), found.named, found.problems, found.refused) == (["a"], {"a", "b"}, {}, [])


def test_a_landmark_beside_a_lesion_on_one_polygon_is_that_lesion(read):
    assert read([entry("a", ["id-c", "id-t"], SQUARE)]).of["a"][0].lesion_class == "tumor"


@pytest.mark.parametrize(
    "points",
    [
        [],
        SQUARE[:2],
        [(1, 1), (1, 1), (2, 2), (1, 1)],
        [(0, 0), (1, float("nan")), (3, 3)],
        [(0, 0), (1, 10**400), (3, 3)],
    ],
)
def test_under_three_points_refuse_the_entry_and_a_lesions_frame(read, points):
    found = read([entry("a", ["id-t"], points), entry("b", ["id-c"], points), entry("a", ["id-e"], SQUARE)])
    assert [(one.file, one.kind, one.detail) for one in found.refused] == [
        ("Lung_cancer/annotation.json entry 0", "polygon with under three points", "of frame a"),
        ("Lung_cancer/annotation.json entry 1", "polygon with under three points", "of frame b"),
    ]
    told = "Lung_cancer/annotation.json entry 0 lacks three different points of finite x and y"
    assert found.problems == {"a": ("lesion without an outline", told)}


def test_labels_that_nobody_has_judged_refuse_the_frame(read):
    found = read([entry("a", ["id-x"], SQUARE), entry("b", [], SQUARE), entry("c", ["id-t", "id-e"], SQUARE)])
    assert {stem: kind for stem, (kind, _) in found.problems.items()} == {
        "a": "label without a class",
        "b": "label without a class",
        "c": "polygon of two classes",
    }
    assert "'id-x'; list it in label_class" in found.problems["a"][1]


@pytest.mark.parametrize("one", [None, 3, [], {}, {"object_id": 7}])
def test_malformed_entries_are_refused(read, one):
    assert [issue.kind for issue in read([one]).refused] == ["malformed polygon"]


def test_without_label_classes_every_polygon_is_a_lesion(read, tmp_path):
    read([entry("a", ["whatever"], SQUARE)])
    found = read_outlines(tmp_path, Reading(polygons="*/annotation.json", lesion_class="tumor"))
    assert found.of["a"][0].lesion_class is None


def test_missing_and_broken_files_are_the_users_errors(read, tmp_path):
    with pytest.raises(InputError, match="no file matches polygons"):
        read_outlines(tmp_path, Reading(polygons="*/annotation.json"))
    read([])
    with pytest.raises(InputError, match="holds a dict, expected a list"):
        read({"object_id": "a"})
    (tmp_path / "Lung_cancer" / "annotation.json").write_text("[")
    with pytest.raises(InputError, match="not valid JSON"):
        read_outlines(tmp_path, Reading(polygons="*/annotation.json"))
    (tmp_path / "Lung_cancer" / "labels.json").unlink()
    with pytest.raises(InputError, match="what the labels are called"):
        read_outlines(tmp_path, Reading(polygons="*/annotation.json", label_class=CLASSES))
