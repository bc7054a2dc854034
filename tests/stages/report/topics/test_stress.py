from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.stress import STRESS
from mcdrl.confounders.registry import phrases
from mcdrl.metrics.robustness import ALL
from stages.report.averages import Draws
from stages.report.topics.stress import (
    drop_chart,
    stress_csv,
    stress_html,
    stress_panels,
    stress_tables,
    stressed_shots,
    topic,
    under_stress,
)
from tests.stages.report.fake_study import NAMES, results_of


@pytest.fixture(scope="module")
def tables(small):
    """Of single frames, as a site of fewer than five groups has no interval."""
    rows = STRESS.read(small.artifacts / "stress" / "cases.parquet")
    return stress_tables(rows.assign(group_id=rows["case_id"]), Draws(100, 0), "baseline")


def test_a_panel_a_confounder_with_a_curve_a_method(tables):
    panels = stress_panels(tables[0], ["baseline", "mcdrl"])
    assert [panel.title for panel in panels] == NAMES
    assert all(panel.svg.count("<polyline") == panel.svg.count('class="band"') == 2 for panel in panels)


def test_the_drop_over_all_confounders_comes_first(tables):
    chart = drop_chart(tables[1], ["baseline", "mcdrl"])
    assert [row.label for row in chart.rows] == ["all of the dictionary", *NAMES]
    assert chart.rows[0].strip.count("<circle") == 2


def test_the_csv_has_every_point_and_the_sums(tables):
    rows = stress_csv(*tables)
    assert len(rows) == 2 * len(NAMES) * 4 + 2
    one = rows[(rows["method"] == "mcdrl") & (rows["confounder"] == "blood")]
    assert one["strength"].tolist() == [0.0, 0.25, 0.5, 1.0]
    assert one["auc"].nunique() == 1
    assert one["dice"].iloc[0] == pytest.approx(one["dice_untouched"].iloc[0])


def test_differences_are_written_for_rivals_alone(tables):
    table = stress_html(tables[1])
    by_method = {row[0]: row for row in table.rows}
    assert by_method["baseline"][7:] == ["–", "", "", "–"]
    assert by_method["mcdrl"][7].startswith("-")
    assert by_method["mcdrl"][9] == "one training each"
    sure = stress_html(tables[1].assign(drop_difference_sure=tables[1]["drop_difference"].notna()))
    assert [row[10].endswith(", sure") for row in sure.rows] == [row[0] == "mcdrl" for row in sure.rows]
    assert not any(", sure" in row[10] for row in table.rows)


def test_without_stress_there_is_no_section_and_no_table(small):
    results = results_of(small.study, small.artifacts)
    found = topic(replace(results, inputs=replace(results.inputs, stress=results.inputs.stress.iloc[:0])))
    assert (found.values, found.tables, found.sentences) == (None, {}, ())


def test_one_frame_is_shown_under_every_confounder_at_full_strength(small):
    shots = stressed_shots(results_of(small.study, small.artifacts).inputs, small.artifacts)
    assert (shots[0].title, len(shots)) == ("untouched", 1 + len(phrases()))
    assert {shot.note for shot in shots[1:]} == {"strength 1"}
    assert len({shot.image for shot in shots}) > len(phrases()) / 2


def test_the_frame_is_of_the_first_site_that_has_one_with_a_lesion(small):
    results = results_of(small.study, small.artifacts)
    rows = results.inputs.stress
    elsewhere = replace(results, inputs=replace(results.inputs, stress=rows[rows["held_out"] != "A"]))
    shots = topic(elsewhere).values["stressed"]
    assert (shots[0].note.partition("/")[0], len(shots)) == ("B", 1 + len(phrases()))
    undefined = rows.assign(dice=rows["dice"].where(rows["held_out"] != "A"))
    assert stressed_shots(replace(results.inputs, stress=undefined), small.artifacts)[0].note == shots[0].note
    assert stressed_shots(replace(results.inputs, stress=rows.assign(dice=np.nan)), small.artifacts) == []


def test_where_no_lesion_is_left_nothing_is_shown_and_nothing_averaged(small):
    results = results_of(small.study, small.artifacts)
    rows = results.inputs.stress
    assert topic(replace(results, inputs=replace(results.inputs, stress=rows.assign(dice=np.nan)))).values is None
    lost = (rows["confounder"] == "blood") & (rows["strength"] == 1.0)
    some = replace(results, inputs=replace(results.inputs, stress=rows.assign(dice=rows["dice"].mask(lost))))
    ((_, said),) = topic(some).sentences
    assert said.startswith("In no frame is the lesion left under all confounders")
    assert "all of the dictionary" not in [row.label for row in topic(some).values["drops"].rows]


def figures(difference, low, high, p, *, sure=False, n_seeds=3):
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
            for name in ("blood", ALL)
        ]
    )


def test_flatter_is_said_only_where_it_is_shown():
    shown = under_stress(figures(-0.04, -0.06, -0.02, 0.01, sure=True), "baseline")
    assert "cost baseline 10.0 points; mcdrl 6.0 points of Dice (15 frames)" in shown
    assert (
        "loses 4.0 points less than the baseline (95 % interval -6.0 to -2.0, over seeds -6.0 to -2.0): it is flatter."
        in shown
    )
    open_ = under_stress(figures(-0.04, -0.09, 0.01, 0.2), "baseline")
    assert "may be chance: neither is shown to be flatter" in open_
    once = under_stress(figures(-0.04, -0.06, -0.02, 0.01, n_seeds=1), "baseline")
    assert "in one training each: more seeds have to confirm it" in once
    few = under_stress(figures(-0.04, np.nan, np.nan, 0.01), "baseline")
    assert "no interval: the site with the fewest has 4 groups, 5 are needed" in few


def test_methods_that_lose_alike_are_said_to():
    same = under_stress(figures(0.0, 0.0, 0.0, 1.0), "baseline")
    assert "mcdrl loses as much as the baseline, under every confounder." in same
    close = under_stress(figures(-0.0003, -0.004, 0.003, 0.9), "baseline")
    assert "mcdrl loses as much as the baseline, to a tenth of a point (95 % interval -0.4 to +0.3)" in close


def test_which_costs_most_is_said_where_one_costs_something(tables):
    _, found = tables
    assert " costs most (" in under_stress(found, "baseline")
    assert "costs most" not in under_stress(found.assign(drop=0.0002), "baseline")
