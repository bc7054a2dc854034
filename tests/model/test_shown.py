"""What a model is shown of a frame, and its answer at the frame's own size."""

import numpy as np
import pytest
from PIL import Image

from mcdrl.imaging.decode import ANOTHER, DIM, LITTLE
from mcdrl.model.shown import FLAT, SMALL, show
from tests.view.drawings import tissue

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


def grainy(colour, size=(40, 40), noise=30):
    pixels = np.array(colour) + np.random.default_rng(0).integers(-noise, noise + 1, (size[1], size[0], 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def test_what_is_odd_is_told():
    blue = grainy((50, 50, 150))
    assert show(blue, SIDE, view="full", dim=True).issues.split("; ")[0] == DIM
    assert show(blue, SIDE, view="full").issues.endswith("try --channels bgr")
    found = show(grainy((150, 50, 50)), SIDE, view="full")
    assert (found.issues, found.doubtful) == ("", False)


def test_a_frame_that_is_told_to_be_dim_is_for_a_person_whatever_can_be_seen():
    dim = grainy((60, 40, 40), (300, 200), noise=20)
    assert not show(dim, 224, view="full").doubtful
    assert show(dim, 224, view="full", dim=True).doubtful


def panes(gap, shape=(480, 640), second=1.0):
    """Two pictures of tissue beside each other, the second one of a share of the first one's height."""
    frame = np.zeros((*shape, 3), np.uint8)
    half, high = (shape[1] - 3 * gap) // 2, shape[0] - 40
    frame[20 : 20 + high, gap : gap + half] = tissue(half, high)
    low = round(second * high)
    frame[20 : 20 + low, 2 * gap + half : 2 * (gap + half)] = tissue(half, low, seed=1)
    return Image.fromarray(frame)


@pytest.mark.parametrize("gap", [6, 80])
def test_a_frame_of_two_pictures_is_for_a_person_unless_somebody_says_where_to_look(gap):
    found = show(panes(gap), 224, view="auto")
    assert (found.issues, found.doubtful) == (ANOTHER, True)
    for view in ("full", [0.0, 0.0, 0.5, 1.0]):
        assert show(panes(gap), 224, view=view).issues == ""
    alone = show(panes(80, second=0.5), 224, view="auto")
    assert (alone.issues, alone.doubtful) == ("", False)


def test_a_frame_whose_view_is_a_small_part_of_it_is_for_a_person():
    pixels = np.zeros((800, 1000, 3), np.uint8)
    pixels[300:500, 400:650] = tissue(250, 200)
    found = show(Image.fromarray(pixels), 224, view="auto")
    assert (found.issues, found.doubtful) == (LITTLE, True)
    assert not show(Image.fromarray(pixels), 224, view=[0.4, 0.4, 0.6, 0.6]).doubtful


def words_on_black():
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[10:20, 10:60] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("view", ["full", "auto"])
@pytest.mark.parametrize(
    ("picture", "issues"),
    [
        (Image.new("RGB", (300, 200)), FLAT),
        (Image.new("RGB", (300, 200), "white"), FLAT),
        (grainy((6, 4, 4), (300, 200), noise=4), FLAT),
        (grainy((150, 50, 50), (8, 8)), SMALL),
        (grainy((150, 50, 50), (300, 31)), SMALL),
        (Image.new("RGB", (8, 8), (150, 50, 50)), f"{FLAT}; {SMALL}"),
    ],
)
def test_a_frame_that_shows_nothing_is_for_a_person(picture, issues, view):
    found = show(picture, SIDE, view=view)
    assert (found.issues, found.doubtful) == (issues, True)


def test_a_dark_frame_with_a_small_lit_lumen_shows_hardly_anything():
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[90:110, 140:160] = grainy((150, 80, 60), (20, 20))
    found = show(Image.fromarray(pixels), 224, view="full")
    assert (found.issues, found.doubtful) == ("hardly anything to see: nearly all of it has one colour", True)


def test_words_on_a_black_screen_show_nothing_either():
    assert show(words_on_black(), 224, view="full").doubtful


def test_a_dark_frame_with_something_in_it_is_not_blank():
    dark = grainy((20, 12, 12), (300, 200), noise=8)
    assert not show(dark, 224, view="full").doubtful
