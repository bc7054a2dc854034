"""Differences from the reference, and sentences that say no more than their numbers."""

import math

import numpy as np
import pandas as pd
import pytest

from stages.report.topics.comparisons import comparisons_html, comparisons_table, headline, how_sure, resolved
from tests.stages.report.rows import DRAWS, at, comparison, frame, raw


def test_others_are_compared_with_the_reference_alone():
    rows = raw(*[frame(name, "A", case, dice) for name, dice in (("p", 0.5), ("q", 0.7)) for case in (1, 2)])
    found = comparisons_table(rows, DRAWS, "p")
    assert set(found["method"]) == {"q"}
    assert set(found["baseline"]) == {"p"}
    assert found["difference"].tolist() == pytest.approx([0.2] * len(found))
    assert comparisons_table(rows, DRAWS).empty


def test_comparisons_pair_frames_and_count_sites_equally():
    base = [frame("baseline", "A", k, 0.5) for k in range(5)] + [frame("baseline", "B", 0, 0.5)]
    better = [frame("new", "A", k, 0.6) for k in (3, 1, 2, 0, 4)] + [frame("new", "B", 0, 0.9)]
    found = comparisons_table(raw(*base, *better), DRAWS)
    assert found["held_out"].tolist() == ["A", "B", "mean"]
    assert at(found, held_out="A")["difference"] == pytest.approx(0.1)
    assert at(found, held_out="mean")["difference"] == pytest.approx((0.1 + 0.4) / 2)
    assert at(found, held_out="A")["p"] == pytest.approx(2 / 2**5)
    assert (found["p_holm"] >= found["p"]).all()
    assert at(found, held_out="A")["low"] == pytest.approx(0.1)
    assert math.isnan(at(found, held_out="B")["low"])  # a single group


def test_holm_s_families_are_the_means_and_the_sites():
    cells = [(method, site, k) for method in ("x", "y") for site in "AB" for k in range(5)]
    base = [frame("baseline", site, k, 0.5) for site in "AB" for k in range(5)]
    found = comparisons_table(raw(*base, *[frame(*cell, 0.6) for cell in cells]), DRAWS)
    single, mean = found[found["held_out"] != "mean"], found[found["held_out"] == "mean"]
    assert single["p"].tolist() == pytest.approx([2 / 2**5] * 4)
    assert single["p_holm"].tolist() == pytest.approx([4 * 2 / 2**5] * 4)
    assert mean["p"].tolist() == pytest.approx([2 / 2**10] * 2)
    assert mean["p_holm"].tolist() == pytest.approx([2 * 2 / 2**10] * 2)


@pytest.mark.parametrize("methods", [["mcdrl"], ["baseline"]])
def test_comparisons_are_empty_without_baseline_or_rival(methods):
    found = comparisons_table(raw(*[frame(m, "A", 1, 0.5) for m in methods]), DRAWS)
    assert len(found) == 0
    assert "p_holm" in found.columns


def test_the_seeds_are_a_level_of_a_comparison():
    """A gain of 3 points on every frame, though one training of three lost: the frames are sure, the seeds not."""
    base = [frame("baseline", "A", k, 0.5 + 0.01 * k, seed=s) for s in range(3) for k in range(10)]
    ours = [
        frame("m", "A", k, 0.5 + 0.01 * k + d, seed=s) for s, d in enumerate((0.08, 0.05, -0.04)) for k in range(10)
    ]
    row = at(comparisons_table(raw(*base, *ours), DRAWS), held_out="mean")
    assert (row["difference"], row["low"], row["n_seeds"]) == (pytest.approx(0.03), pytest.approx(0.03), 3)
    reach = 4.302653 * np.std([0.08, 0.05, -0.04], ddof=1) / 3**0.5
    assert (row["seed_low"], row["seed_high"]) == (pytest.approx(0.03 - reach), pytest.approx(0.03 + reach))
    assert (row["p"] < 0.01, row["seed_p"] > 0.05, row["p_holm"] == row["seed_p"], row["sure"]) == (True,) * 3 + (
        False,
    )
    steady = [frame("m", "A", k, 0.53 + 0.01 * k + 0.001 * s, seed=s) for s in range(3) for k in range(10)]
    row = at(comparisons_table(raw(*base, *steady), DRAWS), held_out="mean")
    assert row["sure"]
    alone = at(comparisons_table(raw(*base[:10], *steady[:10]), DRAWS), held_out="mean")
    assert (alone["n_seeds"], alone["p_holm"] < 0.01, alone["sure"]) == (1, True, False)
    assert math.isnan(alone["seed_low"])


def headline_of(*rows, seeds=1):
    return headline(pd.DataFrame(list(rows)), "baseline", seeds)


def test_a_difference_that_is_none_is_called_so():
    row = comparison("mcdrl", 0.007, -0.005, 0.019, 0.31)
    assert headline_of(row) == "mcdrl and the baseline can't be told apart at unseen sites"
    words = how_sure(pd.DataFrame([row]), 1, 2)
    assert (
        "mcdrl less baseline: +0.7 points, 95 % interval -0.5 to +1.9 over 80 frames in 20 groups, p = 0.310" in words
    )
    assert "a gain of 1.9 points and a loss of 0.5 points would both fit" in words
    assert "1 seed: how much another training would differ" in words


def test_a_resolved_gain_and_a_resolved_loss_are_called_so():
    better = comparison("mcdrl", 0.03, 0.01, 0.05, 0.001, (0.02, 0.04))
    assert headline_of(better, seeds=3) == "mcdrl beats the baseline by 3.0 points of Dice at unseen sites"
    words = how_sure(pd.DataFrame([better]), 3, 2)
    assert "+1.0 to +5.0 over 80 frames in 20 groups and +2.0 to +4.0 over 3 seeds, p = 0.001 after Holm." in words
    assert "Zero lies outside both: the difference is real." in words
    worse = comparison("mcdrl", -0.01, -0.02, -0.004, 0.01, (-0.015, -0.005))
    assert headline_of(worse, seeds=3) == "mcdrl does worse than the baseline at unseen sites, by 1.0 point of Dice"


@pytest.mark.parametrize(
    ("low", "p", "seeds", "verdict"),
    [
        (0.01, 0.2, (-0.02, 0.08), "The frames leave zero out, the seeds do not: other trainings could turn it."),
        (-0.01, 0.2, (0.02, 0.04), "Zero lies inside: a gain of 5.0 points and a loss of 1.0 point would both fit"),
        (0.01, 0.06, (0.02, 0.04), "Both leave zero out, the tests do not rule out chance: not resolved."),
        (
            0.01,
            np.nan,
            (np.nan, np.nan),
            "over 80 frames in 20 groups and none over 3 seeds, which are alike. The frames "
            "leave zero out; trainings without a spread tell nothing of others: not ",
        ),
        (np.nan, 0.01, (0.02, 0.04), "no interval: the site with the fewest has 10 groups, 5 are needed (n 80)"),
    ],
)
def test_real_and_better_rest_on_frames_and_seeds(low, p, seeds, verdict):
    row = comparison("mcdrl", 0.03, low, 0.05, p, seeds)
    assert headline_of(row, seeds=3) == "mcdrl and the baseline can't be told apart at unseen sites"
    words = how_sure(pd.DataFrame([row]), 3, 2)
    assert verdict in words
    assert "real" not in words
    assert "nan" not in words


def test_one_seed_decides_nothing():
    gain, loss = comparison("mcdrl", 0.03, 0.01, 0.05, 0.001), comparison("mcdrl", -0.01, -0.02, -0.004, 0.01)
    assert headline_of(gain) == (
        "In one training of each, mcdrl was 3.0 points of Dice above the baseline at unseen sites; "
        "more seeds have to confirm it"
    )
    assert headline_of(loss) == (
        "In one training of each, mcdrl was 1.0 point of Dice below the baseline at unseen sites; "
        "more seeds have to confirm it"
    )
    assert "these trainings differ, which need not be their methods" in how_sure(pd.DataFrame([gain]), 1, 2)


def test_of_several_methods_only_resolved_ones_can_win():
    rows = [comparison("a", 0.05, -0.01, 0.1, 0.2), comparison("b", 0.02, 0.01, 0.03, 0.001)]
    assert headline_of(*rows).startswith(
        "In one training of each, b was 2.0 points of Dice above the baseline at unseen sites"
    )
    assert headline_of(rows[0], comparison("b", -0.02, -0.03, -0.01, 0.001)) == (
        "No method is shown to be better than the baseline at unseen sites"
    )


def test_several_losses_are_told_by_the_least():
    rows = [comparison(name, -loss, -0.05, -0.01, 0.001, (-0.04, -0.01)) for name, loss in (("a", 0.03), ("b", 0.02))]
    assert headline_of(*rows, seeds=3) == (
        "a and b do worse than the baseline at unseen sites, by at least 2.0 points of Dice"
    )


def test_without_a_reference_there_is_no_headline_and_no_comparison():
    none = pd.DataFrame(columns=["method", "held_out"])
    assert headline(none, "baseline", 1) == ""
    assert "There is one method alone, so there is no comparison." in how_sure(none, 1, 1)


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [(0.01, 0.05, 0.01, True), (0.01, 0.05, 0.06, False), (-0.01, 0.05, 0.01, False), (np.nan, np.nan, 0.01, False)],
)
def test_resolved_takes_both_the_test_and_the_interval(low, high, p, expected):
    assert resolved(comparison("mcdrl", 0.03, low, high, p)) is expected


def test_equal_answers_are_a_sentence_of_their_own():
    rows = [frame(method, site, k, 0.1 * k) for method in ("baseline", "m") for site in "AB" for k in range(6)]
    found = comparisons_table(raw(*rows), DRAWS)
    words = how_sure(found, 1, 2)
    assert words.startswith(
        "m and baseline don't differ: their Dice is the same over 12 frames in 12 groups, at every site. 1 seed: "
    )
    shifted = [{**row, "dice": row["dice"] + (0.1 if row["held_out"] == "A" else -0.1)} for row in rows[12:]]
    assert "don't differ" not in how_sure(comparisons_table(raw(*rows[:12], *shifted), DRAWS), 1, 2)
    assert {row[4] for row in comparisons_html(found).rows} == {"0.000"}


def test_without_a_lesion_no_method_is_said_to_be_alone():
    rows = raw(*[frame(method, "A", k, 0, lesion=False) for method in ("baseline", "m") for k in range(6)])
    assert how_sure(comparisons_table(rows, DRAWS), 1, 2) == (
        "No held-out frame has a lesion, so the methods' Dice can't be compared."
    )


def test_an_interval_that_ends_at_zero_has_no_minus():
    row = comparison("mcdrl", 0.01, -0.0, 0.02, 0.31)
    words = how_sure(pd.DataFrame([row]), 1, 2)
    assert "95 % interval 0.0 to +2.0" in words
    assert "a gain of 2.0 points and a loss of 0.0 points" in words
