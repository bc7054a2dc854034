"""A screen keeps the frame at its own size, grows with the strength, and can be cut to the frame again."""

import numpy as np
import pytest

from mcdrl.confounders.screen import on_screen
from mcdrl.view import looked_at
from tests.confounders.test_finished import SIDE, scene


def drawn(strength, seed=0):
    image, lesion = scene()
    masks = lesion, np.roll(lesion, 60, axis=0)
    return on_screen(image.astype(np.float32) / 255, masks, strength, np.random.default_rng(seed))


def place_of(lesion):
    """Left and top of the frame in the screen, by its lesion."""
    rows, columns = (np.flatnonzero(lesion.any(axis=axis)) for axis in (1, 0))
    return columns[0] - (130 - 24), rows[0] - (90 - 24)


@pytest.mark.parametrize("seed", range(6))
def test_the_frame_and_its_masks_are_in_it_untouched(seed):
    image, lesion = scene()
    screen, (there, ignored) = drawn(1.0, seed)
    assert screen.shape == (round(SIDE / 0.85), round(SIDE / 0.55), 3)
    assert (screen.dtype, screen.min() >= 0, screen.max() <= 1) == (np.float32, True, True)
    left, top = place_of(there)
    frame = np.s_[top : top + SIDE, left : left + SIDE]
    np.testing.assert_array_equal(np.rint(screen[frame] * 255), image)
    np.testing.assert_array_equal(there[frame], lesion)
    np.testing.assert_array_equal(ignored[frame], np.roll(lesion, 60, axis=0))
    assert there.sum() == ignored.sum() == lesion.sum()
    assert screen.shape[1] - SIDE in (left, screen.shape[1] - left - SIDE)


def test_no_strength_is_the_frame():
    screen, _ = drawn(0.0)
    np.testing.assert_array_equal(np.rint(screen * 255), scene()[0])


def test_more_of_it_is_beside_the_frame_with_more_strength():
    shares = [SIDE**2 / np.prod(drawn(strength)[0].shape[:2]) for strength in (0.25, 0.5, 0.75, 1.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(0.55 * 0.85, abs=0.01)


def test_layouts_differ_and_some_have_a_second_picture():
    screens = [drawn(1.0, seed)[0] for seed in range(12)]
    assert len({screen.tobytes() for screen in screens}) == 12
    bluish = [(screen[..., 2] > screen[..., 0] + 0.1).sum() for screen in screens]  # the lesion, mirrored beside it
    maps = [((screen[..., 2] > 0.65) & (screen[..., 0] < 0.15)).sum() for screen in screens]
    alone = (scene()[0][..., 2] > scene()[0][..., 0].astype(int) + 25).sum()
    second = [count - blue > 1.1 * alone for count, blue in zip(bluish, maps, strict=True)]
    assert 2 < sum(second) < 10


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_view_is_found_in_it(strength, seed):
    screen, (lesion, _) = drawn(strength, seed)
    left, top = place_of(lesion)
    box = looked_at(np.rint(screen * 255).astype(np.uint8), "auto").box
    assert np.abs(np.subtract(box, (left, top, left + SIDE, top + SIDE))).max() <= 0.03 * SIDE
