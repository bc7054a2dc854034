import numpy as np
import pytest

from mcdrl.renderer.corpus import random_style
from mcdrl.renderer.ranges import SITES, Ranges
from mcdrl.renderer.style import patient_style
from stages.phantom.sites import SITES as RECIPES

CHANNELS = ("red", "green", "blue")


def numbers(style):
    """What a style is drawn from, by the names of the ranges."""
    red, green, blue = style.mucosa.colour
    low, high = style.organ.tilt_deg
    parts = (style.mucosa, style.organ, style.organ.folds, style.lesion, style.camera)
    plain = {name: value for part in parts for name, value in vars(part).items() if isinstance(value, float | int)}
    own = {"red": red, "green": green / red, "blue": blue / green, "tilt_low": low, "tilt_high": high}
    for name, three in (("tint", style.lesion.tint), ("gain", style.camera.gain)):
        own |= {f"{name}_{channel}": value for channel, value in zip(CHANNELS, three, strict=True)}
    return plain | own


def spans(styles):
    found = [numbers(style) for style in styles]
    return {name: (min(row[name] for row in found), max(row[name] for row in found)) for name in found[0]}


@pytest.fixture(scope="module")
def sites():
    """From the lowest to the highest that a thousand patients of each site have."""
    rng = np.random.default_rng(0)
    return spans([patient_style(rng, recipe.style) for recipe in RECIPES.values() for _ in range(1000)])


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(1)
    return {styles: [random_style(rng, styles) for _ in range(1000)] for styles in ("wide", "apart")}


@pytest.mark.parametrize("name", SITES)
def test_styles_apart_have_nothing_that_a_site_has(name, sites, corpus):
    low, high = sites[name]
    inside = {
        styles: sum(low <= numbers(style)[name] <= high for style in some) / len(some)
        for styles, some in corpus.items()
    }
    assert inside["apart"] == 0
    assert inside["wide"] > 0.1


@pytest.mark.parametrize("name", SITES)
def test_no_more_is_cut_than_sites_have(name, sites):
    width = sites[name][1] - sites[name][0]
    assert SITES[name] == pytest.approx(sites[name], abs=0.01 * width + 1e-3)


def test_what_is_not_cut_can_not_be(sites, corpus):
    """The sites have all of its range, or one number alone."""
    wide = spans(corpus["wide"])
    for name in set(wide) - set(SITES):
        low, high = sites[name]
        covered = (min(high, wide[name][1]) - max(low, wide[name][0])) / (wide[name][1] - wide[name][0])
        assert covered > 0.95 or low == high or name.startswith("tilt"), name


def test_each_tilt_that_is_drawn_is_within_the_sites_tilts(sites, corpus):
    lowest, highest = sites["tilt_low"][0], sites["tilt_high"][1]
    assert all(lowest <= style.organ.tilt_deg[0] < highest for style in corpus["apart"])


def test_a_whole_range_is_the_generators_own():
    found, expected = Ranges(np.random.default_rng(2), {}), np.random.default_rng(2)
    assert [found.number("gamma", 0.75, 1.3) for _ in range(50)] == [expected.uniform(0.75, 1.3) for _ in range(50)]
    assert [found.whole("vessel_trees", 5, 20) for _ in range(50)] == [expected.integers(5, 20) for _ in range(50)]


def test_what_is_left_on_both_sides_is_drawn_evenly():
    ranges = Ranges(np.random.default_rng(3), {"a": (0.2, 0.6), "b": (-1, 0.5), "c": (2, 3)})
    drawn = np.array([ranges.number("a", 0, 1) for _ in range(4000)])
    assert ((drawn < 0.2) | (drawn > 0.6)).all()
    assert (drawn < 0.2).mean() == pytest.approx(1 / 3, abs=0.03)
    assert drawn[drawn > 0.6].mean() == pytest.approx(0.8, abs=0.01)
    assert min(ranges.number("b", 0, 1) for _ in range(200)) > 0.5
    assert {ranges.whole("c", 0, 6) for _ in range(200)} == {0, 1, 4, 5}
