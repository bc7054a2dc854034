"""Intervals hold what they say they hold: in as many samples as they promise, or there is none."""

import numpy as np
import pytest
from scipy import stats

from mcdrl.metrics import intervals
from mcdrl.metrics.intervals import (
    ANY,
    NONE,
    SHARE,
    Sample,
    if_spread,
    mean_interval,
    rate_interval,
    score_interval,
    seeds_interval,
)

TRUTH = 0.92 * 4 / 6  # of `draw`: a missed frame in 12, else the mean of its group


def draw(rng, n_groups):
    """Dice of groups of one to nine frames that are alike, some frames missed outright."""
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 10, n_groups))
    mean = rng.beta(4, 2, n_groups)[groups]
    return Sample(np.where(rng.random(len(groups)) < 0.08, 0.0, rng.beta(8 * mean, 8 * (1 - mean))), groups)


@pytest.mark.parametrize("n_sites", [1, 3])
@pytest.mark.parametrize("n_groups", [5, 10, 29, 30])
def test_nine_of_ten_intervals_hold_the_truth(n_groups, n_sites):
    rng = np.random.default_rng(n_groups)
    samples = [[draw(rng, n_groups) for _ in range(n_sites)] for _ in range(600)]
    found = np.array([mean_interval(sites, 200, rng) for sites in samples])
    assert ((found[:, 0] <= TRUTH) & (found[:, 1] >= TRUTH)).mean() >= 0.90


@pytest.mark.parametrize(("n_groups", "share"), [(2, 0.5), (5, 0.8)])
def test_the_bootstrap_alone_would_not(n_groups, share):
    """What the t interval is for: resampled, five groups hold the truth in four of five samples, two in half."""
    rng = np.random.default_rng(5)
    samples = [draw(rng, n_groups) for _ in range(600)]
    drawn = [intervals.interval(intervals.mean_draws(s.values, s.groups, 200, rng), intervals.LEVEL) for s in samples]
    assert np.mean([low <= TRUTH <= high for low, high in drawn]) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("n_groups", [1, 2, 3, 4])
def test_fewer_than_five_groups_have_no_interval(n_groups):
    few, many = draw(np.random.default_rng(0), n_groups), draw(np.random.default_rng(1), 40)
    assert np.isnan(mean_interval([few], 100, np.random.default_rng(2))).all()
    assert np.isnan(mean_interval([few, many], 100, np.random.default_rng(2))).all()
    assert np.isnan(mean_interval([], 100, np.random.default_rng(2))).all()


def test_singletons_of_one_site_are_students_interval():
    values = np.random.default_rng(3).random(8)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean_interval([Sample(values, np.arange(8))], 100, np.random.default_rng(0))
    assert found == (pytest.approx(theirs.low), pytest.approx(theirs.high))


def test_two_sites_are_welchs_interval():
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.5, 0.1, 6), rng.normal(0.5, 0.3, 12)
    theirs = stats.ttest_ind(a, -b, equal_var=False).confidence_interval(0.95)
    found = mean_interval([Sample(a, np.arange(6)), Sample(b, np.arange(12))], 100, rng)
    assert found == (pytest.approx(theirs.low / 2), pytest.approx(theirs.high / 2))


def test_a_large_group_makes_the_interval_wider():
    means = np.random.default_rng(6).random(8)
    even, uneven = np.arange(40) % 8, np.minimum(np.arange(40) // 2, 7)  # eight of 5; seven of 2 and one of 26
    widths = [np.diff(mean_interval([Sample(means[g], g)], 100, np.random.default_rng(0)))[0] for g in (even, uneven)]
    assert widths[1] > 1.5 * widths[0]


def test_it_stays_within_its_bounds():
    sample = Sample(np.array([0.0, 1.0, 1.0, 1.0, 1.0]), np.arange(5))
    low, high = mean_interval([sample], 100, np.random.default_rng(0), within=(0.0, 1.0))
    assert (low > 0.2, high) == (True, 1.0)


def test_one_training_has_no_interval_over_seeds():
    assert np.isnan(seeds_interval(np.array([0.3]))).all()


@pytest.mark.parametrize("value", [0.3, -0.1, 0.1])
@pytest.mark.parametrize("n", [2, 3])
def test_trainings_without_spread_have_none_either(n, value):
    """Of three times 0.1 the deviation is no zero, but rounding."""
    assert np.isnan(seeds_interval(np.full(n, value))).all()
    assert seeds_interval(np.zeros(n)) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_interval_over_seeds_holds_the_truth(n):
    rng = np.random.default_rng(n)
    found = np.array([seeds_interval(rng.normal(0.01, 0.02, n))[:2] for _ in range(2000)])
    assert ((found[:, 0] <= 0.01) & (found[:, 1] >= 0.01)).mean() == pytest.approx(0.95, abs=0.015)


def test_a_rate_of_none_or_all_has_wilsons_interval():
    """Wilson for 0 of 6: upper end z^2 / (n + z^2); resampling would say that six frames settle it."""
    z = 1.959964**2
    low, high = rate_interval((0.0, 0.0), 0.0, 6)
    assert (low, high) == (pytest.approx(0, abs=1e-9), pytest.approx(z / (6 + z), abs=1e-6))
    low, high = rate_interval((1.0, 1.0), 1.0, 6)
    assert (low, high) == (pytest.approx(6 / (6 + z), abs=1e-6), pytest.approx(1, abs=1e-9))


@pytest.mark.parametrize("value", [0.0, 2.0, 0.1, 2 / 3])
def test_without_spread_there_is_no_interval(value):
    """Of equal values the mean may differ from each by rounding."""
    for n_groups in (7, 40):
        alike = Sample(np.full(n_groups, value), np.arange(n_groups))
        assert np.isnan(if_spread(mean_interval([alike], 50, np.random.default_rng(0)))).all()
    assert if_spread((0.25, 0.5)) == (0.25, 0.5)
    assert if_spread(NONE) is NONE


def test_a_sites_share_has_wilsons_interval_or_none_where_groups_are_alike():
    def found(*means):
        sites = [Sample(np.full(12, mean), np.arange(12) % 6) for mean in means]
        return score_interval(sites, 50, np.random.default_rng(0))

    assert found(0.0) == rate_interval(NONE, 0.0, 6)
    assert found(1.0) == rate_interval(NONE, 1.0, 6)
    for alike in ((0.5,), (0.0, 0.0), (0.0, 1.0), ()):  # Wilson's is of one site alone
        assert np.isnan(found(*alike)).all()
    assert np.isnan(score_interval([Sample(np.array([]), np.array([]))], 50, np.random.default_rng(0))).all()
    varied = [Sample(np.linspace(0.2, 0.9, 40), np.arange(40))]
    drawn = [function(varied, 50, np.random.default_rng(0)) for function in (score_interval, mean_interval)]
    assert drawn[0] == drawn[1]
    for value in (0.0, 1.0):  # of no share: pixels, say, of which each frame has as many
        assert np.isnan(
            score_interval([Sample(np.full(12, value), np.arange(12))], 50, np.random.default_rng(0), ANY)
        ).all()


def test_the_interval_over_trainings_stays_within_what_the_mean_can_be():
    assert seeds_interval(np.array([0.99, 0.6]))[1] > 1
    low, high, _ = seeds_interval(np.array([0.99, 0.6]), SHARE)
    assert (low, high) == (0, 1)
