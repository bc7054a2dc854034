"""Telling frames with a lesion from frames without one."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from mcdrl.metrics import ranking
from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.ranking import auroc_interval, false_alarms_at, fewest_groups, limit_at


def drawn(n, seed=0, digits=1):
    """Scores with ties, higher where there is a lesion."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.6
    return np.round(rng.normal(0.8 * positive, 1), digits), positive


@pytest.mark.parametrize("kind", [True, False])
def test_of_one_kind_alone_there_is_none(kind):
    scores, positive = np.array([0.1, 0.4, 0.6]), np.full(3, kind)
    assert np.isnan(auroc(scores, positive)).all()
    assert np.isnan(false_alarms_at(scores, positive, 0.9))
    assert np.isnan(auroc_interval(scores[None], positive, np.arange(3), 100, np.random.default_rng(0))).all()


def test_a_limit_that_a_share_of_the_scores_reaches():
    scores = np.arange(1, 11) / 10
    assert [limit_at(scores, share) for share in (0.9, 0.95, 1.0, 0.05)] == [0.2, 0.1, 0.1, 1.0]
    assert np.isnan(limit_at(np.zeros(0), 0.9))


def test_false_alarms_at_a_sensitivity_by_hand_and_by_scikit_learn():
    lesion, none = np.arange(1, 11) / 10, np.array([0.05, 0.2, 0.2, 0.7])
    scores, positive = np.concatenate([lesion, none]), np.arange(14) < 10
    assert false_alarms_at(scores, positive, 0.9) == 0.75  # from 0.2 on
    assert false_alarms_at(scores, positive, 0.5) == 0.25
    scores, positive = drawn(200, digits=8)
    false, true, _ = roc_curve(positive, scores, drop_intermediate=False)
    for wanted in (0.9, 0.95):
        assert false_alarms_at(scores, positive, wanted) == pytest.approx(false[true >= wanted].min())


def test_the_interval_resamples_groups_where_there_are_many():
    """Doubling every frame inside its group says nothing new; as frames of their own they would count as more."""
    scores, positive = drawn(100)
    once = auroc_interval(scores[None], positive, np.arange(100), 500, np.random.default_rng(0))
    twice = auroc_interval(
        np.repeat(scores, 2)[None], np.repeat(positive, 2), np.repeat(np.arange(100), 2), 500, np.random.default_rng(0)
    )
    assert once == pytest.approx(twice)
    (value,) = auroc(scores, positive)
    assert once[0] < value < once[1]
    assert once[1] - once[0] == pytest.approx(4 * _hanley(value, positive.sum(), (~positive).sum()), rel=0.2)


def _hanley(a, p, n):
    """The standard error of an AUROC (Hanley & McNeil, Radiology 1982)."""
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    return np.sqrt((a * (1 - a) + (p - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (p * n))


def test_with_few_groups_the_interval_is_students():
    scores, positive = drawn(24)
    groups = np.arange(24)
    left_out = np.array([auroc(np.delete(scores, k), np.delete(positive, k))[0] for k in groups])
    error = np.sqrt(23 / 24 * ((left_out - left_out.mean()) ** 2).sum())
    free = fewest_groups(positive, groups) - 1
    assert 4 < free < 29
    low, high = auroc_interval(scores[None], positive, groups, 10, np.random.default_rng(0))
    from scipy import stats

    (value,) = auroc(scores, positive)
    assert low == pytest.approx(value - stats.t.ppf(0.975, free) * error)
    assert high == pytest.approx(min(value + stats.t.ppf(0.975, free) * error, 1))


@pytest.mark.parametrize(("negative_groups", "there"), [(4, False), (5, True)])
def test_with_too_few_groups_of_a_kind_there_is_no_interval(negative_groups, there):
    scores, positive = drawn(80)
    groups = np.where(positive, np.arange(80), 100 + np.arange(80) % negative_groups)
    found = auroc_interval(scores[None], positive, groups, 50, np.random.default_rng(0))
    assert np.isfinite(found).all() == there


@pytest.mark.parametrize("n", [100, 24])
def test_without_spread_there_is_no_interval(n):
    """All told apart: resampling would say that it can't be otherwise."""
    positive = np.arange(n) % 2 == 0
    found = auroc_interval(positive[None] * 1.0, positive, np.arange(n), 50, np.random.default_rng(0))
    assert np.isnan(found).all()


@pytest.mark.parametrize("n", [100, 24])
def test_chunks_change_nothing(n, monkeypatch):
    scores, positive = drawn(n)
    whole = auroc_interval(scores[None], positive, np.arange(n), 60, np.random.default_rng(0))
    monkeypatch.setattr(ranking, "CELLS_AT_ONCE", 7 * n)
    assert auroc_interval(scores[None], positive, np.arange(n), 60, np.random.default_rng(0)) == pytest.approx(whole)


def test_the_interval_is_of_the_mean_over_seeds():
    (scores, positive), other = drawn(100), drawn(100, seed=5)[0]
    both = auroc_interval(np.stack([scores, other]), positive, np.arange(100), 300, np.random.default_rng(0))
    mean = (auroc(scores, positive)[0] + auroc(other, positive)[0]) / 2
    assert both[0] < mean < both[1]
