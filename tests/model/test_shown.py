"""What a model is shown of a frame, and its answer at the frame's own size."""

import numpy as np
import pytest
from PIL import Image

from mcdrl.imaging.decode import DIM
from mcdrl.model.shown import show

SIDE = 32


def bordered():
    """A grainy view of 200 x 150 px with a black border around it, as a screen shows it."""
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[45:195, 60:260] = np.random.default_rng(0).integers(90, 160, (150, 200, 3))
    return Image.fromarray(pixels)


@pytest.mark.parametrize("view", ["full", "auto", [0.25, 0, 1, 0.5]])
def test_an_answer_is_brought_back_to_where_the_model_looked(view):
    shown = show(bordered(), SIDE, view=view)
    assert shown.pixels.shape == (SIDE, SIDE, 3)
    mask = shown.lesion(np.ones((SIDE, SIDE), np.float32), 0.5)
    assert (mask.dtype, mask.shape) == (bool, (240, 320))
    left, top, right, bottom = shown.box
    assert mask.sum() == mask[top:bottom, left:right].sum() == (right - left) * (bottom - top)
    assert (mask.sum() < 240 * 320) == (view != "full")


def test_probabilities_are_enlarged_between_pixels_and_stay_probabilities():
    shown = show(Image.new("RGB", (2 * SIDE, SIDE), "grey"), SIDE, view="full")
    steps = np.linspace(0, 1, SIDE, dtype=np.float64)[None].repeat(SIDE, axis=0)
    enlarged = shown.probability(steps)
    assert (enlarged.dtype, enlarged.shape) == (np.float32, (SIDE, 2 * SIDE))
    assert (np.diff(enlarged[0]) >= 0).all()
    assert len(np.unique(enlarged[0])) > SIDE
    assert (enlarged.min(), enlarged.max()) == (0, 1)


def test_a_threshold_is_part_of_the_lesion():
    shown = show(Image.new("RGB", (SIDE, SIDE)), SIDE, view="full")
    assert shown.lesion(np.full((SIDE, SIDE), 0.5, np.float32), 0.5).all()


def test_nothing_is_called_outside_of_what_the_model_was_shown():
    shown = show(Image.new("RGB", (SIDE, SIDE)), SIDE, view=[0.5, 0, 1, 1])
    assert shown.lesion(np.zeros((SIDE, SIDE), np.float32), 0.0).mean() == 0.5


def test_what_is_odd_is_told():
    blue = Image.new("RGB", (8, 8), (50, 50, 150))
    assert show(blue, SIDE, view="full", dim=True).issues.split("; ")[0] == DIM
    assert show(blue, SIDE, view="full").issues.endswith("try --channels bgr")
    assert show(Image.new("RGB", (8, 8), (150, 50, 50)), SIDE, view="full").issues == ""
