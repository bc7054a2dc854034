"""Lesions on drawn screens are where the screen shows them, and answers are judged there."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks.view.on_screens import brighter, on_screen
from tests.benchmarks.view.screens import RECOLOURED, TEST, laid_out, traced

HEIGHT, WIDTH = 96, 120
LESION = np.zeros((HEIGHT, WIDTH), bool)
LESION[30:70, 40:90] = True
PLAIN = [style for style in TEST if style.__name__ not in RECOLOURED]


def tissue():
    """Red tissue with a green lesion."""
    return Image.fromarray(np.where(LESION[..., None], (20, 200, 20), (200, 40, 40)).astype(np.uint8))


def green(pixels):
    """Where green prevails, 0..1."""
    values = np.asarray(pixels, np.float32)
    return (values[..., 1] > values[..., 0] + 30).astype(np.float32) * (values[..., 2] < 100)


def names(style):
    return style.__name__


@pytest.mark.parametrize("style", PLAIN, ids=names)
def test_a_mask_is_traced_to_where_the_screen_shows_the_lesion(style):
    (lesion, nothing), shows = traced(style, [LESION, np.zeros_like(LESION)], 1)
    seen = green(laid_out(style, tissue(), 1)[0].picture) > 0
    assert not nothing.any()
    assert not (lesion & ~shows).any()
    assert np.logical_xor(seen & shows, lesion).sum() < 0.04 * lesion.sum()


@pytest.mark.parametrize("style", TEST, ids=names)
def test_all_of_a_view_shows_tissue_but_for_its_corners(style):
    _, shows = traced(style, [LESION], 0)
    left, top, right, bottom = laid_out(style, tissue(), 0)[1]
    assert shows.sum() == shows[top:bottom, left:right].sum() > 0.6 * (right - left) * (bottom - top)


def test_who_sees_the_lesion_is_right_on_the_screen_as_on_the_frame_and_who_does_not_is_wrong():
    mask = LESION.astype(np.uint8)
    for case in ("a/0", "a/2", "a/10"):
        right = dict(on_screen(eyes, tissue(), mask, 64, case, 0.4))
        assert list(right) == ["", "_lifted", "_screen", "_screen_known", "_screen_whole", "_screen_lifted"]
        assert right["_screen_known"]["style"] not in RECOLOURED, "another name of a case"
        assert min(right[ending]["dice"] for ending in ("", "_screen_known", "_screen_whole")) > 0.9
        blind = dict(on_screen(lambda pixels: eyes(0 * pixels), tissue(), mask, 64, case, 0.4))
        assert max(row["dice"] for row in blind.values()) == 0


def test_dark_frames_are_shown_as_the_network_lifts_them():
    frames = np.full((2, 64, 64, 3), (40, 20, 10), np.uint8)
    frames[1] = 200
    shown = brighter(frames, 120 / 255)
    assert shown[0, 5, 5].tolist() == [120, 60, 30]
    np.testing.assert_array_equal(shown[1], frames[1])


def eyes(pixels):
    """A model that calls what is green, [B, S, S, 3] uint8."""
    return [SimpleNamespace(probability=green(one)) for one in pixels]
