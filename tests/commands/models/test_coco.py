"""Masks as a COCO file: what pycocotools reads of it is the masks, to the pixel."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from mcdrl.commands.models.coco import lesions_of, write_coco
from mcdrl.imaging.annotations.coco import read_coco

TWO = np.zeros((6, 9), bool)
TWO[1:3, 1:4] = TWO[3, 4] = True  # meet at a corner
TWO[5, 8] = True


def test_lesions_by_hand():
    probability = np.linspace(0, 1, 54, dtype=np.float32).reshape(6, 9)
    large, small = lesions_of(TWO, probability)
    assert (large.box, large.area_px) == ((1, 1, 4, 3), 7)
    assert large.score == pytest.approx(np.mean([10, 11, 12, 19, 20, 21, 31]) / 53, abs=1e-4)
    assert (small.box, small.area_px, small.score) == ((8, 5, 1, 1), 1, 1.0)


def test_nothing_has_no_lesions():
    assert lesions_of(np.zeros((4, 5), bool), np.ones((4, 5), np.float32)) == ()


@pytest.fixture
def written(tmp_path):
    masks = {
        "a.png": TWO,
        "deep/b.jpg": np.zeros((4, 3), bool),
        "c.png": np.random.default_rng(0).random((30, 40)) < 0.3,
    }
    frames = [
        (name, mask.shape[::-1], lesions_of(mask, np.full(mask.shape, 0.7, np.float32))) for name, mask in masks.items()
    ]
    write_coco(frames, tmp_path / "p.json")
    return masks


def test_an_independent_reader_finds_the_masks(written, tmp_path):
    reader = COCO(tmp_path / "p.json")
    assert [one["file_name"] for one in reader.loadImgs(reader.getImgIds())] == list(written)
    assert reader.loadCats(reader.getCatIds()) == [{"id": 1, "name": "lesion"}]
    for image, mask in zip(reader.imgs.values(), written.values(), strict=True):
        found = reader.loadAnns(reader.getAnnIds(imgIds=image["id"]))
        assert (
            sum((reader.annToMask(one).astype(int) for one in found), np.zeros(mask.shape, int)).tolist()
            == mask.tolist()
        )
        for one in found:
            rows, columns = np.nonzero(reader.annToMask(one))
            size = [np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert one["bbox"] == [columns.min(), rows.min(), *size]
            assert (one["area"], one["score"], one["iscrowd"]) == (len(rows), 0.7, 0)
    assert (
        reader.loadRes(json.loads((tmp_path / "p.json").read_text())["annotations"]).anns.keys() == reader.anns.keys()
    )


def test_our_own_reader_finds_them_too(written, tmp_path):
    sheets = read_coco([tmp_path / "p.json"], tmp_path).sheets
    for sheet, mask in zip(sheets, written.values(), strict=True):
        filled = [mark.shape.filled(sheet.size) for mark in sheet.marks]
        assert np.array_equal(np.logical_or.reduce([*filled, np.zeros(mask.shape, bool)]), mask)


def test_a_name_that_is_no_utf8_can_be_written(tmp_path):
    write_coco([("\udcff.png", (2, 2), ())], tmp_path / "p.json")
    assert json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["images"][0]["file_name"] == "\\udcff.png"
