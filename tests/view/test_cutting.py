import numpy as np
import pytest

from mcdrl.view import Kind, View, cut, uncut


def test_a_mask_comes_back_where_it_was():
    view = View((3, 5, 13, 9), Kind.RECTANGLE)
    mask = np.random.default_rng(0).integers(0, 3, (12, 20)).astype(np.uint8)
    back = uncut(cut(mask, view), view, (20, 12))
    inside = view.mask(20, 12)
    np.testing.assert_array_equal(back[inside], mask[inside])
    assert not back[~inside].any()
    assert back.dtype == mask.dtype
    np.testing.assert_array_equal(cut(back, view), cut(mask, view))


def test_frames_are_cut_with_their_channels():
    frame = np.arange(12 * 20 * 3).reshape(12, 20, 3)
    view = View((3, 5, 13, 9), Kind.RECTANGLE)
    np.testing.assert_array_equal(cut(frame, view), frame[5:9, 3:13])
    assert uncut(cut(frame, view), view, (20, 12)).shape == (12, 20, 3)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match="7x4 pixels is no mask of a view of 10x4"):
        uncut(np.zeros((4, 7)), View((3, 5, 13, 9), Kind.RECTANGLE), (20, 12))


def test_a_margin_stays_in_the_frame_and_keeps_the_outline():
    corner = (20.0, 10.0)
    view = View((50, 2, 150, 98), Kind.OCTAGON, (corner, corner, (0.0, 0.0), corner))
    wider = view.padded(0.04, 200, 100)
    assert wider.box == (46, 0, 154, 100)
    assert wider.corners_px[2] == (0.0, 0.0)
    inner = np.zeros((100, 200), bool)
    inner[2:98, 50:150] = True
    np.testing.assert_array_equal(wider.mask(200, 100) & inner, view.mask(200, 100))


def test_a_mask_by_hand():
    cuts = ((2.0, 2.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    mask = View((1, 1, 5, 4), Kind.OCTAGON, cuts).mask(6, 5)
    rows = ["      ", "  ### ", " #### ", " #### ", "      "]
    np.testing.assert_array_equal(mask, [[letter == "#" for letter in row] for row in rows])
    disc = View((0, 0, 4, 4), Kind.CIRCLE, circle_px=(2.0, 2.0, 1.6)).mask(4, 4)
    np.testing.assert_array_equal(disc, [[letter == "#" for letter in row] for row in [" ## ", "####", "####", " ## "]])
