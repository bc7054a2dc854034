"""Shapes become pixels by one rule, whatever tool drew them: exact, or to half a pixel along polygons."""

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from scipy.ndimage import distance_transform_edt

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.annotations.shapes import Bitmap, Box, Ellipse, Polygons, RunLengths, Shares, unrolled
from mcdrl.imaging.outlines import beyond
from tests.imaging.annotations.written import RAGGED, SIZE, SQUARE, blob, runs, square

CENTRES = np.stack(np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5), -1)


def star(seed, corners=9):
    """A polygon that doesn't cross itself, around the frame's middle."""
    drawn = np.random.default_rng(seed)
    angles = np.sort(drawn.uniform(0, 2 * np.pi, corners))
    radii = drawn.uniform(3, 14, corners)
    return tuple((20 + r * np.cos(a), 15 + r * np.sin(a)) for r, a in zip(radii, angles, strict=True))


def distance_px(points):
    """From each pixel's centre to the outline, [H, W]: least over its edges."""
    found = np.full(SIZE[::-1], np.inf)
    for (x, y), (u, v) in zip(points, [*points[1:], points[0]], strict=True):
        edge = np.array([u - x, v - y])
        along = np.clip(((CENTRES - (x, y)) @ edge) / max(edge @ edge, 1e-12), 0, 1)
        found = np.minimum(found, np.linalg.norm(CENTRES - (x, y) - along[..., None] * edge, axis=-1))
    return found


@pytest.mark.parametrize("points", [RAGGED, *(star(seed) for seed in range(20))])
def test_a_polygon_holds_the_pixels_whose_centres_it_holds_but_for_half_a_pixel_along_its_outline(points):
    filled = Polygons((tuple(points),)).filled(SIZE)
    wanted = Outline(points).contains_points(CENTRES.reshape(-1, 2)).reshape(SIZE[::-1])
    assert filled.sum() > 20
    assert distance_px(points)[filled != wanted].max(initial=0) < 0.5


def test_along_pixel_borders_polygon_and_box_are_exact():
    assert np.array_equal(Polygons((tuple(SQUARE),)).filled(SIZE), square())
    assert np.array_equal(Box(2, 3, 12, 9).filled(SIZE), square())
    assert np.array_equal(Box(1.6, 2.51, 11.6, 9.49).filled(SIZE), square())


def test_several_polygons_are_one_lesion_whose_overlap_stays():
    both = Polygons((tuple(SQUARE), tuple((x + 3, y) for x, y in SQUARE)))
    wanted = square() | np.roll(square(), 3, 1)
    assert np.array_equal(both.filled(SIZE), wanted)
    assert (both.bounds, both.area) == ((2, 3, 15, 9), 120)


def test_shares_are_of_width_and_height():
    shares = Shares(Polygons((tuple((x / 40, y / 30) for x, y in SQUARE),)))
    assert np.array_equal(shares.at(SIZE).filled(SIZE), square())
    assert shares.at((80, 30)).bounds == pytest.approx((4, 3, 24, 9))


@pytest.mark.parametrize("degrees", [0, 30, 90, -45])
def test_an_ellipse_holds_the_centres_that_it_holds(degrees):
    ellipse = Ellipse(20, 15, 11.3, 5.2, degrees)
    angle = np.deg2rad(degrees)
    axis, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    apart = CENTRES - (20, 15)
    assert np.array_equal(ellipse.filled(SIZE), np.hypot(apart @ axis / 11.3, apart @ across / 5.2) <= 1)
    rows, columns = np.nonzero(ellipse.filled(SIZE))
    left, top, right, bottom = ellipse.bounds
    assert left <= columns.min() + 0.5 < left + 1.5
    assert top <= rows.min() + 0.5 < top + 1.5
    assert right - 1.5 < columns.max() + 0.5 <= right
    assert bottom - 1.5 < rows.max() + 0.5 <= bottom
    assert ellipse.area == pytest.approx(ellipse.filled(SIZE).sum(), rel=0.05)


@pytest.mark.parametrize(("left", "top"), [(0, 0), (5, 7), (-4, -2), (35, 25)])
def test_a_bitmap_lies_where_it_says_and_is_cut_at_the_frame(left, top):
    pixels = blob(1, (10, 8))
    padded = np.zeros((60, 80), bool)
    padded[20 + top : 28 + top, 20 + left : 30 + left] = pixels
    assert np.array_equal(Bitmap(left, top, (10, 8), lambda: pixels).filled(SIZE), padded[20:50, 20:60])


def test_run_lengths_go_column_by_column_through_a_frame_of_their_size():
    mask = blob(2)
    lengths = RunLengths(tuple(runs(mask, "F")), SIZE)
    assert np.array_equal(lengths.filled(SIZE), mask)
    assert (lengths.area, lengths.bounds) == (mask.sum(), (0, 0, 40, 30))


def test_unrolled_by_hand():
    assert unrolled((1, 2, 0, 1)).tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("box", "found"),
    [
        (Box(0, 0, 40, 30), "none"),
        (Box(-3, 4, 6, 9), "some"),
        (Box(41, 4, 50, 9), "all"),
        (Box(-20, -20, -1, -1), "all"),
    ],
)
def test_how_much_of_a_shape_lies_outside(box, found):
    assert beyond(box.bounds, SIZE) == found


@pytest.mark.parametrize("box", [Box(0, 0, 400, 300), Box(-1e300, 0, 3, 3), Box(0, 0, 3, 61)])
def test_coordinates_of_another_scale_are_refused(box):
    with pytest.raises(RefusedError, match=r"shape far outside the frame: it lies within .*; the frame is 40x30"):
        beyond(box.bounds, SIZE)


def test_the_distance_that_these_tests_measure_is_one():
    """Against scipy's, on an outline along pixel centres."""
    points = [(2.5, 3.5), (11.5, 3.5), (11.5, 8.5), (2.5, 8.5)]
    line = np.ones(SIZE[::-1], bool)
    line[3:9, 2:12] = False
    line[4:8, 3:11] = True
    assert np.allclose(distance_px(points), distance_transform_edt(line))
