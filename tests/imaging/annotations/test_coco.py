"""COCO files become what pycocotools reads of them; what is damaged is told by its place."""

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mcdrl.base.errors import InputError
from mcdrl.imaging.annotations.coco import counts_of, read_coco
from tests.imaging.annotations.written import (
    RAGGED,
    SIZE,
    SQUARE,
    blob,
    coco,
    coco_annotation,
    coco_image,
    flat,
    runs,
    square,
    write,
)  # fmt: skip


def compressed(mask):
    return coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()


def rle(mask, *, packed):
    return {"size": [*mask.shape], "counts": compressed(mask) if packed else runs(mask, "F")}


@pytest.fixture
def read(tmp_path):
    def run(text):
        return read_coco([write(tmp_path / "annotations" / "all.json", text)], tmp_path)

    return run


@pytest.fixture
def marked(read):
    """Return what becomes of one annotation in a 40x30 image."""

    def run(segmentation, **more):
        (sheet,) = read(coco([coco_image(7, "a.png")], [coco_annotation(1, 7, 1, segmentation, **more)])).sheets
        (mark,) = sheet.marks
        return mark.shape

    return run


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("mask", [blob(3), square(), ~square(), np.ones((30, 40), bool)])
def test_run_lengths_are_exact(marked, mask, packed):
    assert np.array_equal(marked(rle(mask, packed=packed)).filled(SIZE), mask)


@pytest.mark.parametrize("segmentation", [[flat(SQUARE)], [flat(RAGGED)], [flat(SQUARE), flat(RAGGED)]])
def test_polygons_are_those_of_pycocotools(marked, tmp_path, segmentation):
    found = marked(segmentation).filled(SIZE)
    reader = COCO(tmp_path / "annotations" / "all.json")
    assert np.array_equal(found, reader.annToMask(reader.anns[1]))


def test_images_annotations_and_categories_are_joined_by_their_ids(read):
    images = [coco_image("x", "deep/a.png"), coco_image(3, "..\\b.jpg", (80, 60))]
    annotations = [coco_annotation(1, 3, 2, [flat(SQUARE)]), coco_annotation(2, 3, 1, [flat(SQUARE)])]
    first, second = read(coco(images, annotations)).sheets
    assert (first.name, first.size, first.marks) == (("annotations", "deep", "a"), SIZE, ())
    assert (second.name, second.size) == (("b",), (80, 60))
    assert [mark.labels for mark in second.marks] == [("instrument", "2"), ("polyp", "1")]
    assert [mark.place for mark in second.marks] == [f"annotations/all.json annotation {key}" for key in (1, 2)]


def test_categories_that_nobody_uses_are_declared_all_the_same_and_nameless_ones_called_by_their_id(read):
    named = [(1, "polyp"), (2, "instrument"), ("x", None)]
    found = read(coco([coco_image(7, "a.png")], [coco_annotation(1, 7, "x", [flat(SQUARE)])], named))
    assert found.sheets[0].marks[0].labels == ("x",)
    assert found.declared == {"polyp", "instrument", "x"}


@pytest.mark.parametrize(
    ("image", "category", "said"),
    [
        ("7", 1, "has image_id '7', which none of the file's images has as its id"),
        (9, 1, "has image_id 9,"),
        ([7], 1, r"has image_id \[7\],"),
        (None, 1, "has image_id None,"),
        (8, 1, "has image_id 8,"),
        (7, 9, "has category_id 9, which none of the file's categories has as its id"),
        (7, "1", "has category_id '1',"),
        (7, True, "has category_id True,"),
        (7, None, "has category_id None,"),
        (7, {}, "has category_id {},"),
    ],
)
def test_an_annotation_of_nothing_that_is_listed_refuses_the_file(read, image, category, said):
    """Its lesion would be missing from some frame, which would pass for one without a lesion."""
    images = [coco_image(7, "a.png"), coco_image(8, "")]
    with pytest.raises(InputError, match=rf"annotations/all\.json annotation 5 {said}.*mend the ids"):
        read(coco(images, [coco_annotation(5, image, category, [flat(SQUARE)])], [(1, "polyp")]))


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ((1, 1), "two categories have the id 1"),
        ((1, 1.0), "two categories have the id 1"),
        ((1, "1"), "two categories have the id '1'"),
        ((1, None), "a category has the id None"),
        ((True, 2), "a category has the id True"),
        (([1], 2), r"a category has the id \[1\]"),
    ],
)
def test_categories_that_cannot_be_told_apart_refuse_the_file(read, ids, said):
    with pytest.raises(InputError, match=rf"all\.json: {said}"):
        read(coco([coco_image(7, "a.png")], [], [(ids[0], "polyp"), (ids[1], "instrument")]))


def test_crowds_are_read_and_told(read):
    found = read(coco([coco_image(7, "a.png")], [coco_annotation(1, 7, 1, rle(square(), packed=True), iscrowd=1)]))
    assert np.array_equal(found.sheets[0].marks[0].shape.filled(SIZE), square())
    assert [note.text for note in found.notes] == ["crowd regions (iscrowd), read like any other annotation: 1 of 1"]


SMALL = {"size": [2, 2], "counts": [4]}


@pytest.mark.parametrize(
    ("segmentation", "kind", "told"),
    [
        ([[1, 1, 5, 5]], "polygon with under three points", ""),
        ([[1, 1, 5, 5, 1, 1]], "polygon with under three points", ""),
        ([[1, 1, 5, 5, 9]], "malformed polygon", "x, y"),
        ([flat(SQUARE), [1, 2, float("nan"), 3, 4, 5]], "malformed polygon", "finite"),
        (["12345678"], "malformed polygon", ""),
        ([7], "malformed polygon", ""),
        ([], "box without an outline", "no segmentation"),
        (None, "box without an outline", "no segmentation"),
        (SMALL, "RLE of another size", "RLE 2x2, its image 40x30"),
        ({"size": [30, 40], "counts": [1199]}, "RLE of another size", "1199 pixels, 40x30 has 1200"),
        ({"size": [30, 40], "counts": [1300, -100]}, "malformed RLE", "counts"),
        ({"size": [30, 40], "counts": "zz"}, "malformed RLE", "counts"),
        ({"size": [30, 40], "counts": "\u00e9"}, "malformed RLE", "counts"),
        ({"size": [30, 40], "counts": "P"}, "malformed RLE", "counts"),
        ({"size": [30, 40], "counts": ""}, "malformed RLE", "counts"),
        ({"size": [30, 40], "counts": 7}, "malformed RLE", "counts"),
        ({"size": [30, 40], "counts": [10**400]}, "malformed RLE", "counts"),
        ({"size": "30x40", "counts": [1200]}, "malformed RLE", "size"),
    ],
)
def test_what_cannot_be_drawn_is_told_by_its_place(marked, segmentation, kind, told):
    found, detail = marked(segmentation, bbox=[1, 1, 4, 4])
    assert found == kind
    assert detail.startswith("annotations/all.json annotation 1")
    assert told in detail


def test_images_without_an_id_or_a_name_are_refused(read):
    found = read(coco([coco_image(7, "a.png"), coco_image([1], "c.png"), coco_image(8, "")], []))
    assert [issue.kind for issue in found.refused] == ["malformed image", "malformed image"]
    assert [sheet.name[-1] for sheet in found.sheets] == ["a"]


@pytest.mark.parametrize("other", ["b.png", ""])
def test_no_frame_whose_id_is_used_twice_gets_its_annotations(read, other):
    images = [coco_image(7, "a.png"), coco_image(7, other), coco_image(8, "c.png")]
    found = read(coco(images, [coco_annotation(1, 7, 1, [flat(SQUARE)]), coco_annotation(2, 8, 1, [flat(SQUARE)])]))
    *twice, once = found.sheets
    assert [sheet.name[-1] for sheet in twice] == ["a", "b"][: len(twice)]
    assert {(sheet.problem[0], sheet.marks) for sheet in twice} == {("image id used twice", ())}
    assert (once.problem, len(once.marks)) == (None, 1)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"images": {}}', json.dumps({"images": [], "annotations": [3], "categories": []})]
)
def test_another_json_is_refused_whole(read, text):
    with pytest.raises(InputError, match=r"all\.json is no COCO instances file: '\w+' is no list"):
        read(text)


@pytest.mark.parametrize("seed", range(30))
def test_compressed_run_lengths_are_those_of_pycocotools(seed):
    drawn = np.random.default_rng(seed)
    shape = tuple(drawn.integers(1, 200, 2))
    mask = drawn.random(shape) < drawn.choice([0.001, 0.1, 0.5, 0.99])
    assert counts_of(compressed(mask)) == runs(mask, "F")
