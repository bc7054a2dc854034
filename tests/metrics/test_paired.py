import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mcdrl.metrics import paired
from mcdrl.metrics.paired import Pairs, compare, excludes_zero, holm, pair, sign_flip


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
    monkeypatch.setattr(paired, "CELLS_AT_ONCE", 64 * 1024)
    assert max(len(chunk) for chunk in paired._random_patterns(64, np.random.default_rng(7))) == 1024
    assert sign_flip(noise, np.random.default_rng(7)) == whole


def test_the_p_value_does_not_depend_on_the_bootstrap():
    pairs = [Pairs(np.random.default_rng(8).normal(0.1, 0.3, (1, 40)), np.arange(40))]
    few, many = (compare(pairs, draws, np.random.default_rng(9)) for draws in (100, 3000))
    assert few.p == many.p
    assert 0 < few.p < 1


def test_sites_count_equally():
    few = Pairs(np.full((1, 5), 0.4), np.arange(5))
    many = Pairs(np.zeros((1, 30)), np.array([f"g{k}" for k in range(30)]))
    found = compare([few, many], 500, np.random.default_rng(0))
    assert found.difference == pytest.approx(0.2)
    assert (found.n, found.n_groups, found.fewest_groups) == (35, 35, 5)
    assert found.low <= 0.2 <= found.high


def test_a_method_against_itself_is_no_difference():
    found = compare([Pairs(np.zeros((3, 5)), np.arange(5))], 100, np.random.default_rng(0))
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert (found.seed_low, found.seed_high, found.seed_p) == (0, 0, 1)
    assert not found.sure(found.p_both)


def test_swapping_the_methods_turns_the_sign():
    difference, groups = np.random.default_rng(3).normal(0.1, 0.3, (3, 40)), np.arange(40) // 2
    there = compare([Pairs(difference, groups)], 400, np.random.default_rng(4))
    back = compare([Pairs(-difference, groups)], 400, np.random.default_rng(4))
    assert back.difference == pytest.approx(-there.difference)
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))
    assert (back.seed_low, back.seed_high) == (pytest.approx(-there.seed_high), pytest.approx(-there.seed_low))
    assert (back.p, back.seed_p) == (pytest.approx(there.p), pytest.approx(there.seed_p))


def test_seeds_are_a_paired_t_test_like_scipys():
    difference = np.random.default_rng(6).normal(0.1, 0.3, (4, 8))
    found = compare([Pairs(difference, np.arange(8))], 100, np.random.default_rng(0))
    theirs = stats.ttest_1samp(difference.mean(axis=1), 0)
    assert (found.n_seeds, found.seed_p) == (4, pytest.approx(theirs.pvalue))
    bounds = theirs.confidence_interval(0.95)
    assert (found.seed_low, found.seed_high) == (pytest.approx(bounds.low), pytest.approx(bounds.high))
    assert found.p_both == max(found.p, found.seed_p, found.total_p)


def test_pairs_are_of_the_seeds_and_frames_that_both_have():
    def rows(seeds, cases, dice):
        cells = [("B" if case > 2 else "A", case, f"g{case}", seed, dice + seed) for seed in seeds for case in cases]
        return pd.DataFrame(cells, columns=["held_out", "case_id", "group_id", "seed", "dice"])

    found = pair(rows((0, 1, 2), (1, 2, 3), 0.5), rows((1, 2, 5), (3, 2), 0.25), "dice")
    assert list(found) == ["A", "B"]
    assert found["A"].difference.tolist() == [[0.25], [0.25]]
    assert found["A"].groups.tolist() == ["g2"]
    assert pair(rows((0,), (1,), 0.5), rows((1,), (1,), 0.5), "dice") == {}


@pytest.mark.parametrize("theirs", [{"A": (0, 1), "B": (0,)}, {"A": (0,), "B": (1,)}])
def test_a_seed_that_one_site_lacks_is_told(theirs):
    def rows(seeds_of):
        cells = [(site, k, f"g{k}", seed, 0.5) for site, seeds in seeds_of.items() for seed in seeds for k in range(3)]
        return pd.DataFrame(cells, columns=["held_out", "case_id", "group_id", "seed", "dice"])

    ours = {"A": (0, 1), "B": (0, 1)}
    with pytest.raises(ValueError, match=r"site [AB]: no frame has a dice of both .* in each of the seeds \[0, 1\]"):
        pair(rows(ours), rows(theirs), "dice")
    assert list(pair(rows(ours), rows({"B": (1,)}), "dice")) == ["B"]


def test_p_values_are_uniform_without_a_difference():
    rng = np.random.default_rng(5)
    p_values = [sign_flip(rng.normal(size=12), rng) for _ in range(200)]
    assert 0.02 <= np.mean(np.array(p_values) < 0.1) <= 0.18


def itself(rng, n_seeds):
    """One method less itself, trained anew: at both sites a training is 2 points better or worse throughout."""
    luck = rng.normal(0, 0.02 * 2**0.5, (n_seeds, 2))
    return [Pairs(luck[:, [site]] + rng.normal(0, 0.04, (n_seeds, 30)), np.arange(30) // 5) for site in range(2)]


def test_equal_trainings_are_never_sure():
    """Forty frames that gain, in three trainings that are one: of others they tell nothing."""
    rng = np.random.default_rng(0)
    gain = np.tile(rng.normal(0.05, 0.02, 40), (3, 1))
    found = compare([Pairs(gain, np.arange(40) // 4)], 100, rng)
    assert found.p < 0.01
    assert np.isnan([found.seed_low, found.seed_high, found.seed_p, found.p_both]).all()
    assert not found.sure(found.p_both)


def test_what_has_no_p_is_of_no_family():
    np.testing.assert_array_equal(holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])
    assert np.isnan(holm([np.nan])).all()
    assert holm([]) == []


@pytest.mark.parametrize("n_seeds", [1, 3, 5])
def test_a_method_is_seldom_surely_better_than_itself(n_seeds):
    """Frames alone tell a third of such pairs apart and more; frames and seeds at most one in twenty."""
    rng = np.random.default_rng(n_seeds)
    found = [compare(itself(rng, n_seeds), 100, rng) for _ in range(400)]
    assert np.mean([one.p < 0.05 and excludes_zero(one.low, one.high) for one in found]) > 1 / 3
    assert np.mean([one.sure(one.p_both) for one in found]) <= 0.06


@pytest.mark.parametrize("n_seeds", [3, 12])
def test_as_much_chance_in_seeds_as_in_frames_is_seldom_sure(n_seeds):
    """Each test by itself lets a tenth of them pass, and with twelve trainings so do both."""
    rng = np.random.default_rng(n_seeds)

    def nothing():
        seeds = rng.normal(0, np.sqrt(n_seeds / 100), (n_seeds, 1))
        return compare([Pairs(rng.normal(size=20) + seeds, np.arange(20)) for _ in range(5)], 100, rng)

    found = [nothing() for _ in range(400)]
    assert np.mean([one.sure(one.p_both) for one in found]) <= 0.075  # two standard errors above 0.05
    assert np.mean([max(one.p, one.seed_p) < 0.05 for one in found]) > (0.08 if n_seeds == 12 else 0)


def test_the_error_that_has_both_is_that_of_simple_random_effects():
    """Of equal groups and no other chance the variances are those of the two means."""
    rng = np.random.default_rng(11)
    frames, seeds = rng.normal(0.3, 1, 40), rng.normal(0, 0.2, 4)
    found = compare([Pairs(frames[None] + seeds[:, None], np.arange(40))], 100, rng)
    parts = np.array([np.var(frames, ddof=1) / 40, np.var(seeds, ddof=1) / 4])
    free = parts.sum() ** 2 / (parts**2 / [39, 3]).sum()
    t = found.difference / np.sqrt(parts.sum())
    assert found.total_p == pytest.approx(2 * stats.t.sf(abs(t), free), rel=1e-6)
    assert np.isnan(compare([Pairs(frames[None], np.arange(40))], 100, rng).total_p)
    assert np.isnan(compare([Pairs(seeds[:, None], np.arange(1))], 100, rng).total_p)


@pytest.mark.parametrize(("n_seeds", "share"), [(3, 0.4), (5, 0.9)])
def test_a_difference_beyond_what_seeds_do_is_mostly_sure(n_seeds, share):
    """A rule that is never sure would be of no use: 6 points, where trainings differ by 2."""
    rng = np.random.default_rng(n_seeds)
    better = [[Pairs(s.difference + 0.06, s.groups) for s in itself(rng, n_seeds)] for _ in range(100)]
    found = [compare(sites, 100, rng) for sites in better]
    assert np.mean([one.sure(one.p_both) for one in found]) > share
