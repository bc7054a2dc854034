"""Where new frames lie among those of training sites, by hand."""

import numpy as np
import pandas as pd
import pytest

from mcdrl.metrics.shift import QUANTITIES, Place, shifts, site_spreads


def frames(site, **columns):
    whole = pd.DataFrame({"site": site, **columns})
    return whole.reindex(columns=["site", *(quantity.column for quantity in QUANTITIES)])


@pytest.fixture
def training():
    """A: brightness 0.00, 0.01, ..., 1.00 of 101 frames; B: the same shifted by 1."""
    steps = np.arange(101) / 100
    return site_spreads(pd.concat([frames("A", brightness=steps), frames("B", brightness=steps + 1)]))


def test_the_extent_of_a_site_is_its_middle_ninety_per_cent(training):
    assert training["site"].tolist() == ["A", "B"]
    assert training["n_frames"].tolist() == [101, 101]
    for name, expected in (("low", [0.05, 1.05]), ("median", [0.5, 1.5]), ("high", [0.95, 1.95])):
        assert training[name].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("here", "place"),
    [(0.5, Place.INSIDE), (1.0, Place.INSIDE), (1.5, Place.INSIDE), (0.49, Place.EDGE), (1.9, Place.EDGE),
     (0.049, Place.OUTSIDE), (1.96, Place.OUTSIDE)],
)  # fmt: skip
def test_a_median_is_inside_at_the_edge_or_outside(training, here, place):
    (found,) = shifts(frames("new", brightness=[here - 0.001, here, here + 0.001]), training)
    assert found.place is place
    assert (found.lowest, found.highest) == pytest.approx((0.5, 1.5))


def test_a_frames_height_is_a_fact_without_a_place():
    """Networks are shown every frame squashed to one size."""
    training = site_spreads(frames("A", height_px=[288, 288, 288], sharpness=[40.0, 50.0, 60.0]))
    large = frames("new", height_px=[1080, 1080], sharpness=[50.0, 50.0])
    found = {one.quantity.column: one for one in shifts(large, training)}
    assert (found["height_px"].here, found["height_px"].place) == (1080, None)
    assert found["sharpness"].place is Place.INSIDE


def test_frames_beyond_all_extents_are_counted(training):
    (found,) = shifts(frames("new", brightness=[0.0, 0.5, 1.0, 1.951, np.nan]), training)
    assert found.n_frames == 4
    assert found.beyond == pytest.approx(2 / 4)


def test_what_one_side_lacks_is_left_out(training):
    assert shifts(frames("new", contrast=[0.5]), training) == []
    assert shifts(frames("new", brightness=[np.nan]), training) == []
    assert shifts(pd.DataFrame({"saturation": [0.5]}), training) == []
