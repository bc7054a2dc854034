"""Recall and AUROC of mined regions, by hand."""

import numpy as np
import pytest
from PIL import Image

from mcdrl.regions.quality import Quality, lesion_area, lesion_places, mean, recall


def test_area_by_hand():
    mask = np.zeros((1, 4, 4), np.uint8)
    mask[0, :3, :2] = 1
    assert lesion_area(mask, 2, 2).tolist() == [[[4, 0], [2, 0]]]


def test_a_pixel_between_two_places_counts_for_both():
    """Three pixels for two places: the middle one is halved."""
    mask = np.array([[[0, 1, 0], [0, 0, 0], [0, 0, 0]]], np.uint8)
    assert lesion_area(mask, 1, 2).tolist() == [[[0.5, 0.5]]]


@pytest.mark.parametrize(("height", "width"), [(7, 7), (14, 14), (16, 16), (5, 9)])
def test_no_area_is_lost(height, width):
    mask = (np.random.default_rng(0).random((3, 64, 64)) > 0.7).astype(np.uint8)
    area = lesion_area(mask, height, width)
    assert area.shape == (3, height, width)
    assert np.allclose(area.sum(axis=(1, 2)), mask.sum(axis=(1, 2)))


@pytest.mark.parametrize("grid", [4, 7])
def test_area_is_pillow_s_box_average(grid):
    mask = (np.random.default_rng(1).random((56, 56)) > 0.5).astype(np.uint8)
    boxed = np.asarray(Image.fromarray(mask.astype(np.float32)).resize((grid, grid), Image.Resampling.BOX))
    assert np.allclose(lesion_area(mask[None], grid, grid)[0] / (56 / grid) ** 2, boxed, atol=1e-5)


def test_recall_by_hand():
    area = np.array([[[3.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 2.0]]])
    selected = np.array([[[True, False], [True, False]], [[False, False], [True, False]]])
    assert recall(area, selected).tolist() == [0.75, 0.0]


def test_recall_of_random_places_is_their_share():
    """The share N/(H*W) that the stage reports is the mean over draws."""
    rng = np.random.default_rng(0)
    area = np.zeros((1, 4, 4))
    area[0, 1, 1], area[0, 2, 3] = 5, 2
    draws = [recall(area, (rng.permutation(16) < 4).reshape(1, 4, 4))[0] for _ in range(4000)]
    assert np.mean(draws) == pytest.approx(4 / 16, abs=0.02)


def test_lesion_places_are_more_than_half_full_or_the_fullest():
    area = np.array([[[9.0, 8.0], [16.0, 0.0]], [[1.0, 3.0], [0.0, 2.0]]])
    assert lesion_places(area, place_px=16).tolist() == [
        [[True, False], [True, False]],
        [[False, True], [False, False]],
    ]


def test_mean_of_nothing_is_nothing():
    assert mean([]) is None
    assert mean([0.25, 0.75]) == 0.5


def test_places_that_nobody_judged_are_neither_lesion_nor_background():
    """Four places: lesion, background that scores above it and is ignored, and two plain ones."""
    mask, judged = np.zeros((1, 4, 4), bool), np.ones((1, 4, 4), bool)
    mask[0, :2, :2], judged[0, :2, 2:] = True, False
    similarity = np.array([[[0.5, 0.9], [0.1, 0.2]]])
    selected = np.array([[[True, False], [True, False]]])
    rows = []
    for where in (None, judged):
        quality = Quality()
        quality.add(similarity, selected, mask, where)
        rows.append(quality.row())
    assert (rows[0]["auroc"], rows[1]["auroc"]) == (pytest.approx(2 / 3), 1.0)
    assert [row["recall"] for row in rows] == [1.0, 1.0]


def test_places_that_nobody_judged_are_no_lesion_where_a_place_is_no_whole_number_of_pixels():
    """A third of the frame is ignored at 320 px, where what is left of a place is 0 but for rounding."""
    mask, judged = np.zeros((1, 320, 320), bool), np.ones((1, 320, 320), bool)
    mask[0, 200:260, 100:180], judged[0, :100] = True, False
    area = lesion_area(mask, 14, 14)
    quality = Quality()
    quality.add(area, area > 0, mask, judged)
    assert quality.row()["auroc"] == 1.0


def test_a_place_is_lesion_by_what_of_it_was_judged():
    """Of the first place one pixel of four is lesion and three are ignored."""
    mask, judged = np.zeros((1, 4, 4), bool), np.ones((1, 4, 4), bool)
    mask[0, 0, 0] = mask[0, 2:, :2] = True
    judged[0, :2, :2] = mask[0, :2, :2]
    quality = Quality()
    quality.add(np.array([[[0.9, 0.1], [0.5, 0.7]]]), np.ones((1, 2, 2), bool), mask, judged)
    assert quality.row()["auroc"] == pytest.approx(3 / 4)
