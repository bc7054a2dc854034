import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mcdrl.drawing.overlays import grid_outline, heat, outline, pick_examples, pick_frames, picture


def points(path):
    return np.array([[float(v) for v in pair.split()] for pair in re.findall(r"[-\d.]+ [-\d.]+", path)])


def test_outline_lies_on_the_border_of_the_pixels():
    mask = np.zeros((10, 10), np.uint8)
    mask[2:5, 3:8] = 1  # rows 2..4, columns 3..7: from (3, 2) to (8, 5)
    found = points(outline(mask))
    assert found.min(axis=0).tolist() == [3.0, 2.0]
    assert found.max(axis=0).tolist() == [8.0, 5.0]


def test_outline_at_the_border_of_the_frame_stays_inside_it():
    found = points(outline(np.ones((6, 6), np.uint8)))
    assert (found.min(), found.max()) == (0.0, 6.0)


def test_nothing_has_no_outline_and_two_blobs_have_two():
    mask = np.zeros((9, 9), bool)
    assert outline(mask) == ""
    mask[1, 1] = mask[6, 6] = True
    assert outline(mask).count("M") == 2


def test_level_separates_the_bytes_around_it():
    probability = np.array([[0, 0, 0], [0, 128, 127], [0, 0, 0]], np.uint8)
    assert points(outline(probability, 127.5))[:, 0].max() < 2.5  # 128 is inside, its neighbour of 127 isn't


@pytest.mark.parametrize(("grid", "size"), [(4, 32), (7, 50)])
def test_selected_places_are_blocks_of_the_picture(grid, size):
    selected = np.zeros((grid, grid), bool)
    selected[0, 1] = True
    found = points(grid_outline(selected, size))
    cell = size / grid
    assert np.abs(found.min(axis=0) - [cell, 0]).max() <= 1
    assert np.abs(found.max(axis=0) - [2 * cell, cell]).max() <= 1


def test_picture_can_be_read_again():
    frame = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    kind, data = picture(frame).split(",")
    assert kind == "data:image/jpeg;base64"
    again = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.abs(again.astype(int) - frame).max() < 6


def test_heat_is_brightest_where_the_similarity_is_highest():
    similarity = np.zeros((4, 4), np.float16)
    similarity[3, 0] = 1
    warm = heat(np.full((32, 32, 3), 100, np.uint8), similarity).sum(axis=2)
    y, x = np.unravel_index(warm.argmax(), warm.shape)
    assert y > 20
    assert x < 12


def test_a_flat_map_is_no_error():
    assert heat(np.zeros((8, 8, 3), np.uint8), np.full((2, 2), 0.3, np.float16)).shape == (8, 8, 3)


def ranked(count):
    return pd.DataFrame({"case_id": [f"c{k}" for k in range(count)], "dice": np.linspace(1, 0, count)})


def test_examples_are_best_median_and_worst():
    assert pick_examples(ranked(9), 1) == [("best", "c0"), ("median", "c4"), ("worst", "c8")]
    assert [case for _, case in pick_examples(ranked(10), 2)] == ["c0", "c1", "c4", "c5", "c8", "c9"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_a_small_site_shows_no_frame_twice(count):
    chosen = [case for _, case in pick_examples(ranked(count), 3)]
    assert len(chosen) == len(set(chosen)) == min(count, 3)


def test_frames_without_a_lesion_are_no_examples():
    rows = pd.DataFrame({"case_id": ["a", "b"], "dice": [np.nan, 0.3]})
    assert [case for _, case in pick_examples(rows, 2)] == ["b"]


def test_drawn_frames_have_lesions_and_depend_on_names_alone():
    cases = pd.DataFrame({"case_id": [f"c{k}" for k in range(40)], "lesion_area_px": [k % 2 for k in range(40)]})
    drawn = pick_frames(cases, 5, 0, "A")
    assert len(drawn) == 5
    assert all(int(case[1:]) % 2 for case in drawn)
    assert pick_frames(cases.sample(frac=1, random_state=1), 5, 0, "A") == drawn
    assert pick_frames(cases, 5, 0, "B") != drawn
    assert pick_frames(cases.assign(lesion_area_px=0), 5, 0, "A") == []
