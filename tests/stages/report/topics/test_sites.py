"""Results by site: figures that can be followed by hand, and what is said of them."""

import math

import numpy as np
import pandas as pd
import pytest

from stages.report.topic import Question
from stages.report.topics.sites import (
    bars_table,
    dice_chart,
    seeds_html,
    seeds_table,
    sentences,
    sites_html,
    sites_table,
)
from tests.stages.report.rows import DRAWS, at, frame, raw, sites_rows, table


def test_sites_are_means_over_lesion_frames_and_accuracy_over_all():
    rows = sites_table(
        table(
            frame("m", "A", 1, 0.2),
            frame("m", "A", 2, 0.6),
            frame("m", "A", 3, 0, lesion=False, fp=50),
            frame("m", "B", 1, 0.8),
        ),
        DRAWS,
    )
    a, b = at(rows, held_out="A"), at(rows, held_out="B")
    assert (a["dice"], a["iou"], a["n_frames"], a["n_lesion"]) == (pytest.approx(0.4), pytest.approx(0.2), 3, 2)
    assert a["accuracy"] == pytest.approx((1 + 1 + 0.5) / 3)
    mean, worst = at(rows, held_out="mean"), at(rows, held_out="worst")
    assert mean["dice"] == pytest.approx((0.4 + 0.8) / 2)  # sites count equally, not frames
    assert (mean["n_frames"], mean["n_lesion"]) == (4, 3)
    assert worst.drop(["held_out", "worst_site"]).equals(a.drop(["held_out", "worst_site"]))
    assert worst["worst_site"] == "A"
    assert (a["fewest_groups"], mean["fewest_groups"]) == (2, 1)
    assert rows.loc[rows["held_out"] != "worst", "worst_site"].isna().all()
    assert math.isnan(b["dice_low"])  # a single group has no interval
    assert math.isnan(mean["dice_low"])


def test_columns_come_in_the_published_order():
    rows = sites_table(table(frame("m", "A", 1, 0.2)), DRAWS)
    assert list(rows.columns[:10]) == [
        "method",
        "held_out",
        "n_frames",
        "dice",
        "dice_low",
        "dice_high",
        "iou",
        "accuracy",
        "nsd",
        "hd95_px",
    ]
    assert rows["held_out"].tolist() == ["A", "mean", "worst"]


def test_intervals_hold_the_mean_and_ignore_other_sites():
    rng = np.random.default_rng(0)
    a = [frame("m", "A", k, d) for k, d in enumerate(rng.random(30))]
    b = [frame("m", "B", k, d) for k, d in enumerate(rng.random(30))]
    alone, both = sites_table(table(*a), DRAWS), sites_table(table(*b, *a), DRAWS)
    columns = ["dice", "dice_low", "dice_high"]
    assert at(alone, held_out="A")[columns].tolist() == at(both, held_out="A")[columns].tolist()
    for row in both[both["held_out"] != "worst"].itertuples():
        assert row.dice_low < row.dice < row.dice_high
    assert math.isnan(at(both, held_out="worst")["dice_low"])  # chosen on these frames


def test_an_interval_of_dice_stays_within_its_bounds():
    rows = table(*[frame("m", "A", k, d) for k, d in enumerate([0.0, 0.9, 1.0, 1.0, 1.0])])
    site = at(sites_table(rows, DRAWS), held_out="A")
    assert (site["dice_low"] > 0.1, site["dice_high"]) == (True, 1.0)


def test_a_site_without_lesions_takes_no_interval_from_the_mean():
    lesions = [frame("m", "A", k, d) for k, d in enumerate(np.random.default_rng(1).random(6))]
    rows = sites_table(table(*lesions, frame("m", "B", 1, 0, lesion=False)), DRAWS)
    a, mean = at(rows, held_out="A"), at(rows, held_out="mean")
    assert (mean["dice_low"], mean["dice_high"]) == (a["dice_low"], a["dice_high"])
    assert mean["fewest_groups"] == 6


def test_a_site_without_lesions_is_undefined_and_stays_out_of_the_mean():
    rows = sites_table(table(frame("m", "A", 1, 0.5), frame("m", "B", 1, 0, lesion=False)), DRAWS)
    assert math.isnan(at(rows, held_out="B")["dice"])
    assert at(rows, held_out="mean")["dice"] == 0.5
    assert at(rows, held_out="worst")["dice"] == 0.5


def test_the_mean_hd95_is_null_where_a_site_has_none():
    defined, never = frame("m", "A", 1, 0.4, hd95_px=3.0), frame("m", "B", 1, 0.0, hd95_px=np.nan)
    rows = sites_table(table(defined, never), DRAWS)
    assert math.isnan(at(rows, held_out="mean")["hd95_px"])
    assert at(rows, held_out="mean")["dice"] == pytest.approx(0.2)
    rows = sites_table(table(defined, never, frame("m", "B", 2, 0.5, hd95_px=5.0)), DRAWS)
    assert at(rows, held_out="mean")["hd95_px"] == 4.0


@pytest.mark.parametrize("dice", [0.0, 0.5])
def test_seeds_that_are_alike_tell_nothing_of_others(dice):
    same = [frame("same", "A", 1, dice, seed=seed) for seed in range(3)]
    others = [frame("others", "A", 1, 0.5 + seed / 10, seed=seed) for seed in range(3)]
    alike, varied = seeds_html(seeds_table(raw(*same, *others))).rows
    assert alike[2] == "none: no spread"
    assert varied[2] == "0.352 to 0.848"  # 0.6 and 4.303 standard errors of 0.1 / sqrt(3) on either side
    far = seeds_html(seeds_table(raw(*(frame("far", "A", 1, 0.5 + seed / 2, seed=seed) for seed in range(2))))).rows
    assert far[0][2] == "0.000 to 1.000"  # no Dice is beyond


def test_seeds_table_has_a_mean_a_seed():
    scores = pd.DataFrame(
        [frame("m", site, 1, d, seed=s) for site, d, s in [("A", 0.2, 0), ("B", 0.4, 0), ("A", 0.6, 1), ("B", 0.8, 1)]]
    )
    found = seeds_table(scores)
    assert found[found["held_out"] == "mean"]["dice"].tolist() == [pytest.approx(0.3), pytest.approx(0.7)]


def test_the_answer_names_every_mean_and_the_worst_site_of_the_best_method():
    said = dict(sentences(sites_rows(baseline=0.70, mcdrl=0.71), ["baseline", "mcdrl"], "mcdrl"))
    assert said[Question.HOW_GOOD] == (
        "Dice, mean over 2 held-out sites with its 95 % interval: baseline 0.700 (0.670 to 0.730); "
        "mcdrl 0.710 (0.680 to 0.740). 80 frames with a lesion."
    )
    assert said[Question.WHERE_IT_FAILS] == (
        "mcdrl has its lowest Dice at B: 0.610, n 40; these frames chose the site, others may choose another."
    )


def test_without_an_interval_the_answer_says_why():
    rows = sites_rows(mcdrl=0.7).assign(dice_low=np.nan, dice_high=np.nan, fewest_groups=4)
    said = dict(sentences(rows, ["mcdrl"], "mcdrl"))
    assert "mcdrl 0.700 (no interval: the site with the fewest has 4 groups, 5 are needed)" in said[Question.HOW_GOOD]


def test_the_mean_and_the_worst_site_come_first_and_seeds_are_small_dots():
    rows = [frame("m", site, k, 0.1 * k, seed=seed) for site in "AB" for seed in (0, 1) for k in range(6)]
    sites, seeds = sites_table(table(*rows), DRAWS), seeds_table(raw(*rows))
    chart = dice_chart(sites, seeds, ["m"])
    assert [row.label for row in chart.rows] == ["mean of sites", "worst site", "A", "B"]
    assert [row.strong for row in chart.rows] == [True, True, False, False]
    assert chart.rows[2].strip.count('class="seed"') == 2
    assert 'class="seed"' not in dice_chart(sites, seeds[seeds["seed"] == 0], ["m"]).rows[2].strip


def test_bars_have_one_name_a_row():
    bars = bars_table(sites_rows(mcdrl=0.7))
    assert bars.columns.tolist() == ["cell", "held_out", "dice", "low", "high"]
    assert bars["cell"].tolist() == ["A mcdrl", "B mcdrl", "mean mcdrl", "worst mcdrl"]


def said_of(rows):
    sites = sites_table(table(*rows), DRAWS)
    return dict(sentences(sites, ["m"], "m"))


def test_the_mean_says_how_many_sites_it_is_over_and_which_have_no_lesion():
    lesions = [frame("m", site, k, 0.1 * k) for site in "AC" for k in range(6)]
    negatives = [frame("m", site, 1, 0, lesion=False) for site in "BD"]
    assert said_of([*lesions, negatives[0]])[Question.HOW_GOOD].startswith("Dice, mean over 2 of 3 held-out sites with")
    assert said_of([*lesions, negatives[0]])[Question.HOW_GOOD].endswith("12 frames with a lesion; B has none.")
    assert said_of([*lesions, *negatives])[Question.HOW_GOOD].endswith("12 frames with a lesion; B and D have none.")
    assert said_of(negatives)[Question.HOW_GOOD] == "No held-out frame has a lesion, so there is no Dice."


@pytest.mark.parametrize("others", [[], [frame("m", "B", 1, 0, lesion=False)]])
def test_the_only_site_with_a_lesion_was_chosen_by_nobody(others):
    rows = [*[frame("m", "A", k, 0.1 * k) for k in range(6)], *others]
    sites = sites_table(table(*rows), DRAWS)
    bounds = ["dice_low", "dice_high"]
    assert at(sites, held_out="worst")[bounds].tolist() == at(sites, held_out="A")[bounds].tolist()
    assert said_of(rows)[Question.WHERE_IT_FAILS] == ""
    cells = [row[7] for row in sites_html(sites).rows]
    assert cells[0] == cells[-1] == "{:.3f} to {:.3f}".format(*at(sites, held_out="A")[bounds])
    both = sites_table(table(*rows, *[frame("m", "C", k, 0.1 * k) for k in range(6)]), DRAWS)
    assert sites_html(both).rows[-1][7] == "none: chosen here"


@pytest.mark.parametrize("n_groups", [6, 40])
def test_groups_that_are_alike_give_no_certainty(n_groups):
    """Wilson's upper end of none of n is z^2 / (n + z^2)."""
    none = [frame("m", site, k, 0.0) for site in "AB" for k in range(n_groups)]
    sites = sites_table(table(*none), DRAWS)
    own, mean = at(sites, held_out="A"), at(sites, held_out="mean")
    assert (own["dice_low"], own["dice_high"]) == (0, pytest.approx(1.959964**2 / (n_groups + 1.959964**2), abs=1e-6))
    assert math.isnan(mean["dice_low"])
    assert sites_html(sites).rows[-2][7] == "none: no spread"
    assert "m 0.000 (no interval: the groups show no spread)" in said_of(none)[Question.HOW_GOOD]
    alike = sites_table(table(*[frame("m", "A", k, 0.5) for k in range(n_groups)]), DRAWS)
    assert math.isnan(at(alike, held_out="A")["dice_low"])
