import numpy as np
import pytest
from scipy import stats

from mcdrl.metrics.bootstrap import interval, mean_draws
from mcdrl.metrics.intervals import LEVEL


def test_a_constant_has_an_interval_of_no_width():
    samples = mean_draws(np.full(6, 0.4), np.array(list("aabbcc")), 200, np.random.default_rng(0))
    assert interval(samples, LEVEL) == (pytest.approx(0.4), pytest.approx(0.4))


def test_two_groups_give_three_means():
    # groups of 1 and 3 frames with values 0 and 1: aa -> 0, ab -> 3/4, bb -> 1
    values, groups = np.array([0.0, 1.0, 1.0, 1.0]), np.array(list("abbb"))
    samples = mean_draws(values, groups, 4000, np.random.default_rng(1))
    found, counts = np.unique(samples.round(9), return_counts=True)
    assert found.tolist() == [0.0, 0.75, 1.0]
    np.testing.assert_allclose(counts / 4000, [0.25, 0.5, 0.25], atol=0.03)


def test_singletons_agree_with_scipy():
    values = np.random.default_rng(2).beta(2, 1, 80)
    low, high = interval(mean_draws(values, np.arange(80), 9000, np.random.default_rng(3)), LEVEL)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=9000, method="percentile", rng=4).confidence_interval
    assert low == pytest.approx(theirs.low, abs=0.004)
    assert high == pytest.approx(theirs.high, abs=0.004)


def test_frames_of_one_group_are_worth_less_than_independent_ones():
    rng = np.random.default_rng(5)
    group = rng.random(20).repeat(10)
    names = np.arange(20).repeat(10)
    low, high = interval(mean_draws(group, names, 2000, np.random.default_rng(6)), LEVEL)
    alone_low, alone_high = interval(mean_draws(group, np.arange(200), 2000, np.random.default_rng(6)), LEVEL)
    assert high - low > 2 * (alone_high - alone_low)


def test_equal_seeds_give_equal_samples_and_names_do_not_matter():
    values, groups = np.random.default_rng(7).random(30), np.arange(30) // 3
    first = mean_draws(values, groups, 50, np.random.default_rng(8))
    renamed = mean_draws(values, np.array([f"p{g:02d}" for g in groups]), 50, np.random.default_rng(8))
    assert (first == renamed).all()


@pytest.mark.parametrize("values", [[], [0.1, np.nan]])
def test_nothing_and_undefined_are_refused(values):
    with pytest.raises(ValueError, match="finite"):
        mean_draws(np.array(values), np.arange(len(values)), 10, np.random.default_rng(0))
