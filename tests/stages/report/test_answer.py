"""The opening sentences follow from the numbers, and say so where there is no difference."""

import numpy as np
import pandas as pd
import pytest

from mcdrl.metrics.robustness import ALL as EVERY
from stages.report.answer import Evidence, answer, resolved


def sites(**dice):
    rows = []
    for method, value in dice.items():
        one = {
            "method": method,
            "dice_low": value - 0.03,
            "dice_high": value + 0.03,
            "n_lesion": 40,
            "fewest_groups": 10,
            "worst_site": None,
        }
        rows += [
            one | {"held_out": "A", "dice": value + 0.1},
            one | {"held_out": "B", "dice": value - 0.1},
            one | {"held_out": "mean", "dice": value, "n_lesion": 80},
            one | {"held_out": "worst", "dice": value - 0.1, "worst_site": "B"},
        ]
    return pd.DataFrame(rows)


def comparison(method, difference, low, high, p, seeds=None):
    """A row of comparisons.csv; `seeds` is the interval over three of them, none: one training each."""
    several, (seed_low, seed_high) = seeds is not None, seeds or (np.nan, np.nan)
    return {
        "method": method, "baseline": "baseline", "held_out": "mean", "n_frames": 80, "n_groups": 20,
        "difference": difference, "low": low, "high": high, "p": p, "p_holm": p, "fewest_groups": 10,
        "n_seeds": 3 if several else 1, "seed_low": seed_low, "seed_high": seed_high,
        "sure": several and p < 0.05 and low * high > 0 and seed_low * seed_high > 0,
    }  # fmt: skip


def evidence(*comparisons, methods=("baseline", "mcdrl"), seeds=1, **tables):
    dice = {method: 0.7 + 0.01 * place for place, method in enumerate(methods)}
    frames = pd.DataFrame({"method": methods[-1], "dice": [0.0, 0.4, 0.9, np.nan]})
    lesions = pd.DataFrame(
        {"method": methods[-1], "lesion_class": ["polyp", "cyst"], "dice": [0.8, 0.6], "n_frames": [50, 30]}
    )
    negatives = pd.DataFrame([{"method": methods[-1], "held_out": "all", "n_frames": 8, "false_positive_rate": 0.25}])
    names = ["held_out", "method"]
    given = {
        "sites": sites(**dice), "lesions": lesions, "negatives": negatives, "frames": frames,
        "comparisons": pd.DataFrame(list(comparisons), columns=None if comparisons else names),
        **{name: pd.DataFrame() for name in ("stress", "coverage", "calibration", "attention")},
        "random_weights": False,
    }  # fmt: skip
    return Evidence(methods=methods, seeds=seeds, **(given | tables))


def point(found, question):
    return dict(answer(found).points)[question]


def test_a_difference_that_is_none_is_called_so():
    found = evidence(comparison("mcdrl", 0.007, -0.005, 0.019, 0.31))
    assert answer(found).title == "mcdrl and the baseline can't be told apart at unseen sites"
    words = point(found, "How sure")
    assert (
        "mcdrl less baseline: +0.7 points, 95 % interval -0.5 to +1.9 over 80 frames in 20 groups, p = 0.310" in words
    )
    assert "a gain of 1.9 points and a loss of 0.5 points would both fit" in words
    assert "1 seed: how much another training would differ" in words


def test_a_resolved_gain_and_a_resolved_loss_are_called_so():
    better = evidence(comparison("mcdrl", 0.03, 0.01, 0.05, 0.001, (0.02, 0.04)), seeds=3)
    assert answer(better).title == "mcdrl beats the baseline by 3.0 points of Dice at unseen sites"
    words = point(better, "How sure")
    assert "+1.0 to +5.0 over 80 frames in 20 groups and +2.0 to +4.0 over 3 seeds, p = 0.001 after Holm." in words
    assert "Zero lies outside both: the difference is real." in words
    worse = evidence(comparison("mcdrl", -0.01, -0.02, -0.004, 0.01, (-0.015, -0.005)), seeds=3)
    assert answer(worse).title == "mcdrl does worse than the baseline at unseen sites, by 1.0 point of Dice"
    assert (answer(better).tone, answer(worse).tone) == ("better", "worse")


@pytest.mark.parametrize(
    ("low", "p", "seeds", "verdict"),
    [
        (0.01, 0.2, (-0.02, 0.08), "The frames leave zero out, the seeds do not: other trainings could turn it."),
        (-0.01, 0.2, (0.02, 0.04), "Zero lies inside: a gain of 5.0 points and a loss of 1.0 point would both fit"),
        (0.01, 0.06, (0.02, 0.04), "Both leave zero out, the tests do not rule out chance: not resolved."),
        (np.nan, 0.01, (0.02, 0.04), "no interval: the site with the fewest has 10 groups, 5 are needed (n 80)"),
    ],
)
def test_real_and_better_rest_on_frames_and_seeds(low, p, seeds, verdict):
    found = evidence(comparison("mcdrl", 0.03, low, 0.05, p, seeds), seeds=3)
    assert answer(found).title == "mcdrl and the baseline can't be told apart at unseen sites"
    assert verdict in point(found, "How sure")
    assert "real" not in point(found, "How sure")


def test_one_seed_decides_nothing():
    gain = answer(evidence(comparison("mcdrl", 0.03, 0.01, 0.05, 0.001)))
    loss = answer(evidence(comparison("mcdrl", -0.01, -0.02, -0.004, 0.01)))
    assert gain.title == (
        "In one training of each, mcdrl was 3.0 points of Dice above the baseline at unseen sites; "
        "more seeds have to confirm it"
    )
    assert loss.title == (
        "In one training of each, mcdrl was 1.0 point of Dice below the baseline at unseen sites; "
        "more seeds have to confirm it"
    )
    assert (gain.tone, loss.tone) == ("open", "open")
    assert "these trainings differ, which need not be their methods" in dict(gain.points)["How sure"]


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [(0.01, 0.05, 0.01, True), (0.01, 0.05, 0.06, False), (-0.01, 0.05, 0.01, False), (np.nan, np.nan, 0.01, False)],
)
def test_resolved_takes_both_the_test_and_the_interval(low, high, p, expected):
    assert resolved(comparison("mcdrl", 0.03, low, high, p)) is expected


def test_of_several_methods_only_resolved_ones_can_win():
    rows = [comparison("a", 0.05, -0.01, 0.1, 0.2), comparison("b", 0.02, 0.01, 0.03, 0.001)]
    assert answer(evidence(*rows, methods=("baseline", "a", "b"))).title.startswith(
        "In one training of each, b was 2.0 points of Dice above the baseline at unseen sites"
    )
    assert answer(evidence(rows[0], comparison("b", -0.02, -0.03, -0.01, 0.001))).title == (
        "No method is shown to be better than the baseline at unseen sites"
    )


def test_without_a_baseline_there_is_a_figure_but_no_verdict():
    found = evidence(methods=("mcdrl",))
    assert answer(found).title == "mcdrl reaches a Dice of 0.700 at sites it has never seen"
    assert "no comparison" in point(found, "How sure")


def test_random_weights_come_before_everything():
    found = evidence(comparison("mcdrl", 0.03, 0.01, 0.05, 0.001), random_weights=True)
    assert answer(found).title.startswith("A dry run")


def test_where_it_fails_names_site_class_and_counts():
    words = point(evidence(), "Where it fails")
    assert (
        "mcdrl has its lowest Dice at B: 0.610, n 40; these frames chose the site, others may choose another." in words
    )
    assert "Of the lesion classes, cyst has the lowest: 0.600, n 30." in words
    assert "2 of 3 frames with a lesion stay below a Dice of 0.5, 1 of these at zero." in words
    assert "lesion on 25 % of 8 frames without one." in words


def test_sections_without_a_table_are_left_out():
    assert [question for question, _ in answer(evidence()).points] == ["How good", "How sure", "Where it fails"]


def stress(difference, low, high, p, *, sure=False, n_seeds=3):
    parts = ("", "_low", "_high", "_p_holm", "_sure", "_seed_low", "_seed_high")
    none = {f"drop_difference{part}": np.nan for part in parts}
    ours = dict(zip(none, (difference, low, high, p, sure, low, high), strict=True))
    return pd.DataFrame(
        [
            {
                "method": method,
                "confounder": name,
                "drop": drop,
                "n_frames": 15,
                "n_seeds": n_seeds,
                "fewest_groups": 4,
                **(ours if method == "mcdrl" else none),
            }
            for method, drop in (("baseline", 0.1), ("mcdrl", 0.06))
            for name in ("blood", EVERY)
        ]
    )


def test_flatter_is_said_only_where_it_is_shown():
    shown = point(evidence(stress=stress(-0.04, -0.06, -0.02, 0.01, sure=True)), "When conditions get worse")
    assert "cost baseline 10.0 points; mcdrl 6.0 points of Dice (15 frames)" in shown
    assert (
        "loses 4.0 points less than the baseline (95 % interval -6.0 to -2.0, over seeds -6.0 to -2.0): it is flatter."
        in shown
    )
    open_ = point(evidence(stress=stress(-0.04, -0.09, 0.01, 0.2)), "When conditions get worse")
    assert "may be chance: neither is shown to be flatter" in open_
    once = point(evidence(stress=stress(-0.04, -0.06, -0.02, 0.01, n_seeds=1)), "When conditions get worse")
    assert "in one training each: more seeds have to confirm it" in once
    few = point(evidence(stress=stress(-0.04, np.nan, np.nan, 0.01)), "When conditions get worse")
    assert "no interval: the site with the fewest has 4 groups, 5 are needed" in few


def test_trust_and_attention_are_summed_up():
    coverage = pd.DataFrame(
        {"method": "mcdrl", "held_out": "mean", "left": [0.0, 0.2], "dice": [0.7, 0.75], "n_frames": 80}
    )
    ece = {"ece_before": 0.031, "ece_after": 0.012, "ece_called_before": 0.2, "ece_called_after": 0.17}
    calibration = pd.DataFrame([{"method": "mcdrl", "held_out": "mean", **ece}])
    words = point(evidence(coverage=coverage, calibration=calibration), "When to believe it")
    assert "goes from 0.700 to 0.750 on the rest (80 frames before)" in words
    assert (
        "Of the pixels that it calls lesion, its probabilities are off by 20.0 points, and by 17.0 points after"
        in words
    )
    assert "over all pixels, most of which are plainly no lesion, by 3.1 points, and by 1.2 points after" in words
    attention = pd.DataFrame({"method": "mcdrl", "confounder": ["blood", "blur", "mucus"], "auroc": [0.6, 0.4, np.nan]})
    words = point(evidence(attention=attention), "What the intervention looks at")
    assert (
        "AUROC 0.50 on average over 2 confounders (0.5 is chance), from the lowest, 0.40 for blur, to the highest, "
        "0.60 for blood." in words
    )
