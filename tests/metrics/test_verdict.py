"""Promise and outcome, by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from mcdrl.metrics.verdict import ExpectedDice, FoundDice, Verdict, expected, judge, more_groups

PROMISED = ExpectedDice(mean=0.75, low=0.6, high=0.9, n_sites=5, predicted=True)


def test_a_new_site_is_expected_in_students_prediction_interval():
    """Of 0.6, 0.7, 0.8: mean 0.7, s 0.1, t(2) 4.303, so that 0.7 ± 4.303 · 0.1 · √(4/3) = 0.203 to 1.197, cut at 1."""
    found = expected([0.6, 0.7, 0.8])
    assert found.predicted
    assert (found.mean, found.low, found.high) == (pytest.approx(0.7), pytest.approx(0.2031, abs=1e-4), 1.0)


def test_a_prediction_interval_holds_the_next_site_in_95_of_100_draws():
    drawn = np.random.default_rng(0).normal(0.5, 0.05, (4000, 6))
    ends = [expected(row[:5]) for row in drawn]
    inside = [one.low <= row[5] <= one.high for one, row in zip(ends, drawn, strict=True)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.012)


def test_the_reach_is_that_of_scipy():
    sites = [0.61, 0.7, 0.66, 0.72]
    found = expected(sites)
    low, high = stats.t.interval(0.95, 3, np.mean(sites), np.std(sites, ddof=1) * math.sqrt(1.25))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_below_three_sites_there_is_what_was_seen():
    assert expected([0.8, 0.6]) == ExpectedDice(pytest.approx(0.7), 0.6, 0.8, 2, predicted=False)
    assert expected([0.8]) == ExpectedDice(0.8, 0.8, 0.8, 1, predicted=False)
    assert expected([]) is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.3, 0.59, Verdict.WORSE),
        (0.3, 0.61, Verdict.TOO_FEW),
        (0.59, 0.95, Verdict.TOO_FEW),
        (0.61, 0.8, Verdict.AS_PROMISED),
        (0.61, 0.95, Verdict.AS_PROMISED),
        (0.91, 0.95, Verdict.BETTER),
        (float("nan"), float("nan"), Verdict.TOO_FEW),
    ],
)
def test_the_interval_that_was_found_decides(low, high, verdict):
    assert judge(PROMISED, FoundDice((low + high) / 2, low, high, 40)) is verdict


def test_of_two_sites_nobody_knows_how_far_others_may_be_off():
    assert judge(expected([0.8, 0.82]), FoundDice(0.3, 0.2, 0.4, 40)) is Verdict.TOO_FEW_SITES
    assert judge(expected([0.8]), FoundDice(0.9, 0.85, 0.95, 40)) is Verdict.TOO_FEW_SITES


def test_without_a_promise_there_is_nothing_to_hold_it_against():
    assert judge(None, FoundDice(0.7, 0.6, 0.8, 40)) is Verdict.NO_PROMISE


def test_how_many_more_would_decide():
    """An interval of 40 groups that reaches 0.2 down from 0.7 has to reach 0.1: four times as many, 120 more."""
    assert more_groups(PROMISED, FoundDice(0.7, 0.5, 0.85, 40)) == 120
    assert more_groups(PROMISED, FoundDice(0.5, 0.45, 0.7, 40)) == 120  # below the range: its upper half has to shrink


def test_of_fewer_than_five_groups_there_is_no_interval_so_that_as_many_are_wanted():
    nothing = (float("nan"), float("nan"))
    assert more_groups(PROMISED, FoundDice(0.7, *nothing, 2)) == 3
    assert more_groups(PROMISED, FoundDice(0.7, *nothing, 30)) == 1
    assert math.isnan(more_groups(PROMISED, FoundDice(float("nan"), *nothing, 0)))


def test_on_the_border_no_number_decides():
    assert more_groups(PROMISED, FoundDice(0.6, 0.5, 0.7, 40)) == math.inf


@pytest.mark.parametrize(("low", "high"), [(0.02, 0.06), (0.5, 0.9)])
def test_a_range_down_to_nothing_is_kept_by_anything_and_said_to_be_so(low, high):
    wide = expected([0.676, 0.341, 0.531])
    assert wide.low == 0
    assert judge(wide, FoundDice((low + high) / 2, low, high, 40)) is Verdict.TOO_WIDE


@pytest.mark.parametrize("sites", [[0.676, 0.341, 0.531], [0.1, 0.2, 0.15]])
def test_few_groups_are_not_what_is_lacking_where_no_outcome_could_be_worse(sites):
    nothing = (float("nan"), float("nan"))
    assert expected(sites).low == 0
    assert judge(expected(sites), FoundDice(0.3, *nothing, 4)) is Verdict.TOO_WIDE
    assert judge(expected(sites), FoundDice(float("nan"), *nothing, 0)) is Verdict.TOO_FEW  # no lesion, so no outcome
    assert judge(PROMISED, FoundDice(0.3, *nothing, 4)) is Verdict.TOO_FEW


def test_above_a_range_down_to_nothing_is_still_better():
    wide = expected([0.1, 0.2, 0.15])
    assert wide.low == 0
    assert judge(wide, FoundDice(0.85, 0.8, 0.9, 40)) is Verdict.BETTER
