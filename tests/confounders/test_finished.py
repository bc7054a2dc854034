"""Confounders on finished frames: graded, inside the view alone, and the mask goes where the lesion goes."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from mcdrl.confounders.confounder import OnScreen
from mcdrl.confounders.finished import FinishedFrame
from mcdrl.confounders.registry import REGISTRY, phrases
from tests import factories
from tests.confounders.measures import MEASURES

LEVELS = (0.25, 0.5, 0.75, 1.0)
SIDE = 224
SCREENS = {name for name, entry in REGISTRY.items() if isinstance(entry.operator, OnScreen)}


def disc(cx, cy, radius):
    return factories.disc(SIDE, SIDE, cy, cx, radius)


def scene(field=None, seed=0):
    """A reddish wall, a blue disc as the lesion, and what isn't `field` black but for a white line of text."""
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((SIDE, SIDE)), 2)
    grey = np.clip(0.5 * (1 + 0.25 * texture), 0, 1)
    image = np.stack([grey, 0.55 * grey, 0.45 * grey], axis=-1)
    mask = disc(130, 90, 24)
    image[mask] = image[mask][:, ::-1]
    if field is not None:
        image[~field] = 0.0
        image[4:7, 4:30] = 1.0
    return np.rint(image * 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def frames():
    return [FinishedFrame(*scene(seed=seed), f"A/{seed}") for seed in range(4)]


def changed(frame, operator, strength):
    return frame.under(REGISTRY[operator].phrase, strength)


def bluish(image):
    """The lesion's own colour."""
    pixels = image.astype(int)
    return pixels[..., 2] > pixels[..., 0]


@pytest.mark.parametrize("operator", sorted(MEASURES))
def test_the_measured_property_grows_with_strength(frames, operator):
    measure, sign = MEASURES[operator]
    values = [np.mean([measure(changed(f, operator, level).image / 255) for f in frames]) for level in (0, *LEVELS)]
    assert all(sign * (b - a) > 0 for a, b in pairwise(values)), values


def test_a_near_view_magnifies_and_a_far_view_shrinks_as_much_as_it_says(frames):
    area = frames[0].untouched.mask.sum()
    for level in LEVELS:
        near, far = (changed(frames[0], view, level).mask.sum() for view in ("near_view", "far_view"))
        assert near / area == pytest.approx(1 / (1 - 0.5 * level) ** 2, rel=0.03)
        assert far / area == pytest.approx(1 / (1 + 0.8 * level) ** 2, rel=0.05)


@pytest.mark.parametrize("operator", ["near_view", "far_view"])
@pytest.mark.parametrize("level", LEVELS)
def test_the_mask_goes_with_the_picture_and_there_is_one_lesion(frames, operator, level):
    seen = changed(frames[0], operator, level)
    outline = ndimage.binary_dilation(seen.mask, iterations=2) & ~ndimage.binary_erosion(seen.mask, iterations=2)
    assert (bluish(seen.image) == seen.mask)[~outline].all()


@pytest.mark.parametrize("operator", sorted(MEASURES))
def test_every_other_operator_leaves_the_mask(frames, operator):
    np.testing.assert_array_equal(changed(frames[0], operator, 1.0).mask, frames[0].untouched.mask)


@pytest.mark.parametrize("operator", sorted(set(REGISTRY) - SCREENS))
def test_border_and_text_copy_weights(operator):
    field = disc(112, 112, 100)
    image, mask = scene(field)
    seen = changed(FinishedFrame(image, mask, "A/0"), operator, 1.0)
    np.testing.assert_array_equal(seen.image[~field], image[~field])
    inside = ndimage.binary_erosion(field, iterations=6)
    assert np.abs(seen.image.astype(int) - image)[inside].max() > 20


@pytest.mark.parametrize("operator", ["blur", "far_view", "near_view", "uneven"])
def test_the_black_border_does_not_leak_into_the_view(operator):
    field = disc(112, 112, 100)
    image, mask = scene(field)
    rim = field & ~disc(112, 112, 92)
    seen = changed(FinishedFrame(image, mask, "A/0"), operator, 0.5).image[rim]
    assert seen.mean(-1).min() > 0.3 * image[rim].mean()


def test_a_dark_lumen_belongs_to_the_view():
    image, mask = scene()
    image[disc(60, 150, 30)] = 8
    seen = FinishedFrame(image, mask, "A/0").under("white light", 1.0)
    assert (seen.image[disc(60, 150, 20)] > 8).all()


def test_a_dark_lumen_at_the_edge_belongs_to_the_view_too():
    field = disc(112, 112, 110)
    image, mask = scene(field)
    lumen = disc(40, 112, 36)
    image[lumen] = 8
    seen = FinishedFrame(image, mask, "A/0").under("white light", 1.0)
    assert (seen.image[disc(40, 112, 25)] > 8).all()
    assert (seen.image[disc(10, 10, 8)] == image[disc(10, 10, 8)]).all()


def test_a_near_view_keeps_the_lesion_in_the_frame_wherever_it_lies():
    for cx, cy in ((10, 10), (215, 112), (112, 220)):
        image, _ = scene()
        mask = disc(cx, cy, 9)
        assert FinishedFrame(image, mask, "A/0").under("near view", 1.0).mask.sum() >= 3.5 * mask.sum()


def test_frames_without_lesion_and_black_frames_have_both_views():
    image, mask = scene()
    for picture in (image, np.zeros_like(image)):
        for view in ("near view", "far view"):
            seen = FinishedFrame(picture, np.zeros_like(mask), "A/0").under(view, 1.0)
            assert not seen.mask.any()
            assert seen.image.shape == image.shape


def test_equal_names_give_equal_pictures_and_others_do_not():
    image, mask = scene()
    one, again, other = (FinishedFrame(image, mask, name).under("blood", 0.5).image for name in ("A/0", "A/0", "A/1"))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_strength_alone_differs_between_two_levels():
    """Gradient and motion keep their direction."""
    frame = FinishedFrame(*scene(), "A/0")
    sides = [frame.under("uneven lighting", level).image.mean(-1) for level in (0.5, 1.0)]
    light = [(side / frame.untouched.image.mean(-1)) for side in sides]
    assert np.corrcoef(light[0].ravel(), light[1].ravel())[0, 1] > 0.95


def test_no_strength_is_the_frame_itself(frames):
    for phrase in phrases():
        assert frames[0].under(phrase, 0.0) is frames[0].untouched


def test_unknown_confounders_and_strengths_are_refused(frames):
    with pytest.raises(ValueError, match="no confounder 'fog'; legal: motion blur"):
        frames[0].under("fog", 0.5)
    with pytest.raises(ValueError, match=r"strength of 'blood' is 1.2, expected 0\.\.1"):
        frames[0].under("blood", 1.2)


@pytest.mark.parametrize("operator", ["blur", "near_view", "far_view"])
def test_what_nobody_judged_moves_with_the_lesion(operator):
    """The ignored pixels are a ring around the lesion, and so they are in the view."""
    image, lesion = scene()
    ring = disc(130, 90, 30) & ~lesion
    seen = changed(FinishedFrame(image, lesion, "A/0", ~ring), operator, 1.0)
    alone = changed(FinishedFrame(image, lesion, "A/0"), operator, 1.0)
    assert np.array_equal(seen.image, alone.image)
    assert np.array_equal(seen.mask, alone.mask)
    assert alone.judged.all()
    assert (~seen.judged).sum() / ring.sum() == pytest.approx(seen.mask.sum() / lesion.sum(), rel=0.15)
    assert not (~seen.judged & seen.mask).any()
    assert (~seen.judged & ndimage.binary_dilation(seen.mask, iterations=2)).sum() > 20


def test_outside_of_a_frame_that_is_seen_from_farther_nothing_is_ignored():
    image, lesion = scene()
    seen = changed(FinishedFrame(image, lesion, "A/0", np.zeros_like(lesion)), "far_view", 1.0)
    assert seen.judged[:20].all()
    assert not seen.judged[SIDE // 2, SIDE // 2]


@pytest.mark.parametrize("operator", ["near_view", "far_view"])
def test_a_border_that_nobody_judged_stays_so_where_the_view_moves(operator):
    """A circle of tissue on black; the border is ignored, in the untouched frame and under all that recolours it."""
    image, lesion = scene()
    view = disc(SIDE // 2, SIDE // 2, SIDE // 2 - 8)
    image = np.where(view[..., None], image, 0).astype(np.uint8)
    seen = changed(FinishedFrame(image, lesion & view, "A/0", view), operator, 0.01)
    assert (~seen.judged & ~view).sum() > 0.95 * (~view).sum()
