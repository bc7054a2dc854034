import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.scores import CALIBRATION
from stages.report.topics.trust import (
    calibration_chart,
    calibration_table,
    coverage_panels,
    flagged_html,
    flagged_table,
    left_to_a_human,
    miscalibrated,
    reliability_panels,
    trust_table,
)

DICE = [0.1, 0.5, 0.9, 0.7, np.nan]


def scores(site="A", seed=0, dice=DICE):
    cases = [f"{site}/{k}" for k in range(len(dice))]
    return pd.DataFrame({"method": "m", "held_out": site, "seed": seed, "case_id": cases, "dice": dice})


def trust(rows, confidence, flagged=False):
    return rows.drop(columns="dice").assign(confidence=confidence, flagged=flagged)


def at(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_the_least_confident_go_first_and_frames_without_a_lesion_stay_out():
    own = scores()
    table = trust_table(trust(own, [0.2, 0.1, 0.9, 0.8, 0.0]), own)
    whole, half = at(table, held_out="A", left=0.0), at(table, held_out="A", left=0.5)
    assert (whole["dice"], whole["n_frames"]) == (pytest.approx(0.55), 4)
    assert half["dice"] == pytest.approx((0.9 + 0.7) / 2)
    assert half["dice_random"] == pytest.approx(0.55)
    quarter = at(table, held_out="A", left=0.25)
    assert quarter["dice"] == pytest.approx((0.1 + 0.9 + 0.7) / 3)
    assert quarter["dice_oracle"] == pytest.approx((0.5 + 0.9 + 0.7) / 3)


def test_sites_count_equally_and_seeds_are_averaged():
    rows = pd.concat(
        [scores("A", 0, [0.2, 0.2]), scores("A", 1, [0.4, 0.4]), scores("B", 0, [0.9]), scores("B", 1, [0.9])]
    )
    table = trust_table(trust(rows, 0.5), rows)
    mean = at(table, held_out="mean", left=0.0)
    assert (mean["dice"], mean["n_frames"]) == (pytest.approx((0.3 + 0.9) / 2), 3)


def test_no_rows_no_table():
    assert trust_table(trust(scores(), 0.5).iloc[:0], scores()).empty
    empty = pd.DataFrame(columns=CALIBRATION.schema.names)
    assert calibration_table(empty).empty


def calibration():
    cells = [("m", "A", 0, 1.0, 0.1), ("m", "A", 1, 3.0, 0.3), ("m", "B", 0, 1.0, 0.5)]
    rows = pd.DataFrame(cells, columns=["method", "held_out", "seed", "temperature", "ece_before"])
    ece = rows["ece_before"]
    return rows.assign(ece_after=ece / 10, ece_called_before=2 * ece, ece_called_after=ece, n_frames=12)


def test_calibration_is_a_mean_over_seeds_then_sites():
    table = calibration_table(calibration())
    a, mean = at(table, held_out="A"), at(table, held_out="mean")
    assert (a["temperature"], a["ece_before"], a["n_frames"]) == (2.0, pytest.approx(0.2), 12)
    assert (mean["ece_before"], mean["ece_after"], mean["n_frames"]) == (pytest.approx(0.35), pytest.approx(0.035), 24)
    assert (mean["ece_called_before"], mean["ece_called_after"]) == (pytest.approx(0.7), pytest.approx(0.35))


def test_the_calibration_chart_has_a_hollow_and_a_filled_dot_a_method():
    chart = calibration_chart(calibration_table(calibration()), ["m"])
    assert [row.label for row in chart.rows] == ["mean of sites", "A", "B"]
    assert all(row.strip.count('class="hollow"') == 1 and row.strip.count("<circle") == 2 for row in chart.rows)
    assert "m: 0.350 before, 0.035 after" in chart.rows[0].strip
    over_called = calibration_chart(calibration_table(calibration()), ["m"], "ece_called")
    assert "m: 0.700 before, 0.350 after" in over_called.rows[0].strip


def test_reliability_weighs_pixels_and_leaves_empty_bins_out():
    rows = pd.DataFrame(
        {
            "method": "m", "held_out": ["A", "B", "A"], "seed": 0, "calibrated": True, "bin": [0, 0, 1],
            "n_px": [100, 300, 0], "mean_probability": [0.0, 0.4, np.nan], "lesion_share": [0.0, 0.8, np.nan],
        }
    )  # fmt: skip
    (panel,) = reliability_panels(rows, ["m", "other"])
    assert "after: from 0.6 at 0.3 to 0.6 at 0.3" in panel.svg
    assert "before: no value" in panel.svg


def test_coverage_panels_are_the_mean_and_each_site():
    own = scores()
    panels = coverage_panels(trust_table(trust(own, [0.2, 0.1, 0.9, 0.8, 0.0]), own), ["m"], ["A"])
    assert [panel.title for panel in panels] == ["mean of sites", "held out: A"]
    assert "dashed" in panels[0].svg


def test_flagged_frames_are_counted_with_their_dice():
    own = scores()
    table = flagged_html(flagged_table(trust(own, 0.5, [True, False, False, False, True]), own))
    assert table.rows == [["m", "5", "2 (40.0 %)", "0.100 (n 1)", "0.700 (n 3)"]]


def test_what_leaving_frames_to_a_human_is_worth_is_said():
    rows = pd.DataFrame({"method": "m", "held_out": "mean", "left": [0.0, 0.2], "dice": [0.7, 0.75], "n_frames": 80})
    (words,) = left_to_a_human(rows, "m")
    assert "m goes from 0.700 to 0.750 on the rest (80 frames before)" in words
    assert left_to_a_human(pd.DataFrame(), "m") == []


def test_the_error_of_the_probabilities_is_said_over_both_kinds_of_pixels():
    ece = {"ece_before": 0.031, "ece_after": 0.012, "ece_called_before": 0.2, "ece_called_after": 0.17}
    (words,) = miscalibrated(pd.DataFrame([{"method": "m", "held_out": "mean", **ece}]), "m")
    assert (
        "Of the pixels that it calls lesion, its probabilities are off by 20.0 points, and by 17.0 points after"
        in words
    )
    assert "over all pixels, most of which are plainly no lesion, by 3.1 points, and by 1.2 points after" in words
    assert miscalibrated(pd.DataFrame(), "m") == []
