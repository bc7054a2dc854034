import numpy as np
import pytest
from scipy import stats

from stages.core.metrics import paired
from stages.core.metrics.paired import Pairs, compare, holm, sign_flip


def test_holm_by_hand():
    # sorted 0.01 0.02 0.04 0.04, times 4 3 2 1: 0.04 0.06 0.08 0.04 -> running maximum
    assert holm([0.04, 0.01, 0.02, 0.04]) == pytest.approx([0.08, 0.04, 0.06, 0.08])


def test_holm_keeps_one_p_value_and_never_exceeds_one():
    assert holm([0.03]) == [0.03]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_sign_flip_by_hand():
    # |1 + 2 + 3| is reached by +++ and --- alone: 2 of 8 patterns
    assert sign_flip(np.array([1.0, 2.0, 3.0]), np.random.default_rng(0)) == pytest.approx(2 / 8)
    assert sign_flip(np.array([0.7]), np.random.default_rng(0)) == 1.0  # both patterns of one group
    assert sign_flip(np.zeros(4), np.random.default_rng(0)) == 1.0


def test_sign_flip_is_near_the_t_test_for_many_groups():
    parts = np.random.default_rng(1).normal(0.25, 1, 60)
    p = sign_flip(parts, np.random.default_rng(2))
    assert p == pytest.approx(stats.ttest_1samp(parts, 0).pvalue, abs=0.015)


@pytest.mark.parametrize("n_groups", [2, 5, 14])
def test_sign_flip_tries_all_patterns_of_few_groups_like_scipy(n_groups):
    parts = np.random.default_rng(n_groups).normal(0.4, 1, n_groups)
    theirs = stats.permutation_test(
        (parts, np.zeros(n_groups)), lambda a, b, axis: np.sum(a - b, axis=axis), permutation_type="samples",
        vectorized=True, n_resamples=2**n_groups,
    )  # fmt: skip
    assert sign_flip(parts, np.random.default_rng(0)) == pytest.approx(theirs.pvalue)


def test_sums_that_differ_by_rounding_count_as_equal():
    assert sign_flip(np.array([0.1, 0.2, 0.3, -0.3]), np.random.default_rng(0)) == pytest.approx(12 / 16)


def test_random_patterns_bound_the_p_value_and_come_in_chunks(monkeypatch):
    parts = np.full(40, 0.5)
    assert sign_flip(parts, np.random.default_rng(0)) == 1 / (paired.SIGN_PATTERNS + 1)
    noise = np.random.default_rng(6).normal(size=64)
    whole = sign_flip(noise, np.random.default_rng(7))
    monkeypatch.setattr(paired, "_CELLS_AT_ONCE", 64 * 1024)
    assert max(len(chunk) for chunk in paired._random_patterns(64, np.random.default_rng(7))) == 1024
    assert sign_flip(noise, np.random.default_rng(7)) == whole


def test_the_p_value_does_not_depend_on_the_bootstrap():
    pairs = [Pairs(np.random.default_rng(8).normal(0.1, 0.3, 40), np.arange(40))]
    few, many = (compare(pairs, draws, np.random.default_rng(9)) for draws in (100, 3000))
    assert few.p == many.p
    assert 0 < few.p < 1


def test_sites_count_equally():
    few = Pairs(np.array([0.4, 0.4]), np.array(["a", "b"]))
    many = Pairs(np.zeros(30), np.array([f"g{k}" for k in range(30)]))
    found = compare([few, many], 500, np.random.default_rng(0))
    assert found.difference == pytest.approx(0.2)
    assert (found.n, found.n_groups) == (32, 32)
    assert found.low <= 0.2 <= found.high


def test_a_method_against_itself_is_no_difference():
    found = compare([Pairs(np.zeros(5), np.arange(5))], 100, np.random.default_rng(0))
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_swapping_the_methods_turns_the_sign():
    difference, groups = np.random.default_rng(3).normal(0.1, 0.3, 40), np.arange(40) // 2
    there = compare([Pairs(difference, groups)], 400, np.random.default_rng(4))
    back = compare([Pairs(-difference, groups)], 400, np.random.default_rng(4))
    assert back.difference == pytest.approx(-there.difference)
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))
    assert back.p == pytest.approx(there.p)


def test_p_values_are_uniform_without_a_difference():
    rng = np.random.default_rng(5)
    p_values = [sign_flip(rng.normal(size=12), rng) for _ in range(200)]
    assert 0.02 <= np.mean(np.array(p_values) < 0.1) <= 0.18
