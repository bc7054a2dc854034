"""Curves and areas by hand."""

import numpy as np
import pandas as pd
import pytest

from mcdrl.metrics.robustness import stress_curves, stress_table

DRAWS = 400


def rows(method, held_out, case, curves, seed=0, group=None):
    """Rows of one frame: `curves` is confounder -> Dice at each strength; "none" is the untouched frame."""
    made = []
    for confounder, curve in curves.items():
        points = {0.0: curve} if confounder == "none" else curve
        for strength, dice in points.items():
            made.append({
                "method": method, "held_out": held_out, "seed": seed, "confounder": confounder, "strength": strength,
                "case_id": f"{held_out}/{case}", "group_id": group or case, "dice": dice,
                "tp": 1, "fp": 1, "fn": 1, "tn": 1,
            })  # fmt: skip
    return made


def frame(method, held_out, case, untouched, blur, blood, **more):
    curves = {"none": untouched, "blur": dict(zip((0.5, 1.0), blur, strict=True))}
    return rows(method, held_out, case, {**curves, "blood": dict(zip((0.5, 1.0), blood, strict=True))}, **more)


@pytest.fixture
def cases():
    """Two sites of 3 and 2 frames; `ours` loses half of what the baseline loses to blur, and as much to blood."""
    made = []
    for site, untouched in (("A", (0.9, 0.8, 0.7)), ("B", (0.6, 0.5))):
        for case, dice in enumerate(untouched):
            made += frame("baseline", site, f"c{case}", dice, (dice - 0.2, dice - 0.4), (dice, dice - 0.1))
            made += frame("ours", site, f"c{case}", dice, (dice - 0.1, dice - 0.2), (dice, dice - 0.1))
    return pd.DataFrame(made)


@pytest.fixture
def more(cases):
    """Six times as many frames of as many groups."""
    copies = [cases.assign(**{key: cases[key] + f"+{k}" for key in ("case_id", "group_id")}) for k in range(6)]
    return pd.concat(copies, ignore_index=True)


def at(table, method, confounder):
    return table.set_index(["method", "confounder"]).loc[(method, confounder)]


def test_a_curve_is_the_mean_over_sites_of_the_mean_over_frames(more):
    curves = stress_curves(more, DRAWS, 0).set_index(["method", "confounder", "strength"]).sort_index()
    untouched = (0.8 + 0.55) / 2  # not the mean of the five frames, 0.7
    assert curves.loc[("baseline", "blur"), "dice"].tolist() == pytest.approx(
        [untouched, untouched - 0.2, untouched - 0.4]
    )
    assert curves.loc[("ours", "blur", 1.0), "dice"] == pytest.approx(untouched - 0.2)
    assert (curves["n_frames"] == 30).all()
    assert (curves["dice_low"] <= curves["dice"]).all()
    assert (curves["dice"] <= curves["dice_high"]).all()
    assert (curves["dice_low"] < curves["dice_high"]).all()
    assert not curves.index.isin(["none"], level="confounder").any()


def test_area_and_drop_by_hand(cases):
    table = stress_table(cases, "baseline", DRAWS, 0)
    # trapezoids over 0, 0.5, 1 of a loss of 0, 0.2, 0.4: 0.05 + 0.15
    assert at(table, "baseline", "blur")["auc"] == pytest.approx(0.675 - 0.2)
    assert at(table, "baseline", "blur")["drop"] == pytest.approx(0.2)
    assert at(table, "ours", "blur")["drop"] == pytest.approx(0.1)
    assert at(table, "ours", "blood")["drop"] == pytest.approx(0.025)
    assert at(table, "ours", "all")["drop"] == pytest.approx((0.1 + 0.025) / 2)
    assert at(table, "ours", "all")["dice_untouched"] == pytest.approx(0.675)


def test_area_is_over_the_greatest_strength_tried(cases):
    half = cases[cases["strength"] <= 0.5]
    table = stress_table(half, "baseline", DRAWS, 0)
    assert at(table, "baseline", "blur")["drop"] == pytest.approx(0.1)  # a line from 0 to 0.2


def test_differences_are_paired_and_flatter_is_negative(cases):
    table = stress_table(cases, "baseline", DRAWS, 0)
    ours = at(table, "ours", "blur")
    assert ours["drop_difference"] == pytest.approx(-0.1)
    assert ours["auc_difference"] == pytest.approx(0.1)
    assert ours["drop_difference_p"] == pytest.approx(2 / 2**5)  # five groups, one sign
    assert ours["drop_difference_p_holm"] == pytest.approx(2 * 2 / 2**5)  # two confounders
    assert at(table, "ours", "all")["drop_difference_p_holm"] == pytest.approx(2 / 2**5)  # alone in its family
    base = table[table["method"] == "baseline"]
    assert base.filter(like="difference").isna().all(axis=None)


def test_an_interval_takes_five_groups_at_every_site(cases, more):
    names = [f"{name}_{end}" for name in ("auc", "drop_difference") for end in ("low", "high")]
    few = at(stress_table(cases, "baseline", DRAWS, 0), "ours", "blur")
    assert few[names].isna().all()
    assert few["fewest_groups"] == 2
    enough = at(stress_table(more, "baseline", DRAWS, 0), "ours", "blur")
    assert enough["auc_low"] < enough["auc"] < enough["auc_high"]
    assert enough[names[2:]].tolist() == pytest.approx([-0.1, -0.1])  # every frame differs by as much: no width


def test_the_means_of_several_methods_are_one_family(cases):
    rival = cases[cases["method"] == "ours"].assign(method="rival")
    table = stress_table(pd.concat([cases, rival]), "baseline", DRAWS, 0)
    assert at(table, "ours", "all")["drop_difference_p_holm"] == pytest.approx(2 * 2 / 2**5)
    assert at(table, "ours", "blur")["drop_difference_p_holm"] == pytest.approx(2 * 2 / 2**5)
    assert np.isnan(at(table, "baseline", "all")["drop_difference_p_holm"])


def test_a_better_method_of_the_same_shape_is_no_flatter(cases):
    better = cases[cases["method"] == "baseline"].assign(method="better")
    better["dice"] += 0.05
    found = at(stress_table(pd.concat([cases, better]), "baseline", DRAWS, 0), "better", "all")
    assert found["auc_difference"] == pytest.approx(0.05)
    assert found["drop_difference"] == pytest.approx(0, abs=1e-12)


def test_seeds_are_averaged_before_frames(more):
    other = more.assign(seed=1, dice=more["dice"] - 0.1)
    one, two = (stress_table(each, "baseline", DRAWS, 0) for each in (more, pd.concat([more, other])))
    assert two["n_frames"].tolist() == one["n_frames"].tolist()
    np.testing.assert_allclose(two["auc"], one["auc"] - 0.05)
    np.testing.assert_allclose(two["auc_high"] - two["auc_low"], one["auc_high"] - one["auc_low"], equal_nan=False)


def test_frames_whose_lesion_vanishes_stay_out_of_that_confounder_alone(cases):
    gone = (cases["case_id"] == "A/c0") & (cases["confounder"] == "blur") & (cases["strength"] == 1.0)
    table = stress_table(cases.assign(dice=cases["dice"].where(~gone)), "baseline", DRAWS, 0)
    for method in ("baseline", "ours"):
        assert at(table, method, "blur")[["n_frames", "n_undefined"]].tolist() == [4, 1]
        assert at(table, method, "blood")[["n_frames", "n_undefined"]].tolist() == [5, 0]
        assert at(table, method, "all")[["n_frames", "n_undefined"]].tolist() == [4, 1]
    assert at(table, "baseline", "blur")["dice_untouched"] == pytest.approx((0.75 + 0.55) / 2)


def test_flatter_rests_on_the_seeds_as_well(more):
    """Half of the drop in one training, three times as much in the next: on average as before, and not sure."""
    ours = more["method"] == "ours"
    worse = more.assign(seed=1, dice=more["dice"] - 0.35 * more["strength"] * (ours & (more["confounder"] == "blur")))
    again = more.assign(seed=1, dice=more["dice"] + 0.001 * more["strength"] * ours)
    unsure, sure = (
        at(stress_table(pd.concat([more, s]), "baseline", DRAWS, 0), "ours", "blur") for s in (worse, again)
    )
    assert (unsure["n_seeds"], sure["n_seeds"]) == (2, 2)
    assert unsure["drop_difference_seed_low"] < 0 < unsure["drop_difference_seed_high"]
    assert sure["drop_difference_seed_high"] < 0
    assert (bool(unsure["drop_difference_sure"]), bool(sure["drop_difference_sure"])) == (False, True)
    alone = at(stress_table(more, "baseline", DRAWS, 0), "ours", "blur")
    assert np.isnan(alone["drop_difference_seed_low"])
    assert not alone["drop_difference_sure"]


def test_one_group_at_a_site_has_no_interval(cases):
    lone = cases.assign(group_id=cases["group_id"].where(cases["held_out"] == "A", "p"))
    table = stress_table(lone, "baseline", DRAWS, 0)
    assert table[["auc_low", "auc_high"]].isna().all(axis=None)
    assert at(table, "ours", "blur")[["drop_difference_low", "drop_difference_high"]].isna().all()
    assert at(table, "ours", "blur")["drop_difference"] == pytest.approx(-0.1)


def test_without_the_baseline_there_are_no_differences(cases):
    table = stress_table(cases[cases["method"] == "ours"], "baseline", DRAWS, 0)
    assert table.filter(like="difference").isna().all(axis=None)
    assert table["auc"].notna().all()


def test_the_order_of_the_rows_does_not_matter(cases):
    mixed = cases.sample(frac=1, random_state=3)
    one, two = (stress_table(c, "baseline", DRAWS, 0).set_index(["method", "confounder"]) for c in (cases, mixed))
    pd.testing.assert_frame_equal(two.loc[one.index], one)


def test_a_confounder_under_which_every_lesion_vanishes_has_no_rows(cases):
    gone = cases.assign(dice=cases["dice"].where(cases["confounder"] != "blur"))
    assert set(stress_table(gone, "baseline", DRAWS, 0)["confounder"]) == {"blood"}
    assert set(stress_curves(gone, DRAWS, 0)["confounder"]) == {"blood"}
    assert stress_table(cases.assign(dice=np.nan), "baseline", DRAWS, 0).empty


def test_no_frames_at_all_make_empty_tables(cases):
    assert stress_table(cases[:0], "baseline", DRAWS, 0).empty
    assert stress_curves(cases[:0], DRAWS, 0).empty


def test_groups_that_are_alike_give_no_interval(more):
    nothing = more.assign(dice=0.0)
    figures = at(stress_table(nothing, "baseline", DRAWS, 0), "ours", "blur")
    assert (figures["auc"], figures["drop"]) == (0, 0)
    assert figures[["auc_low", "auc_high", "drop_low", "drop_high"]].isna().all()
    assert stress_curves(nothing, DRAWS, 0)[["dice_low", "dice_high"]].isna().all(axis=None)


def test_no_interval_leaves_what_the_mean_can_be():
    """Five groups of which one is lost: Student's interval of a Dice near 1 reaches past it, that of a drop doesn't."""
    made = []
    for k, (untouched, blurred) in enumerate([(1.0, 1.0)] * 4 + [(0.6, 0.9)]):
        made += frame("ours", "A", f"c{k}", untouched, (blurred, blurred), (untouched, untouched))
    made = pd.DataFrame(made)
    curves, table = stress_curves(made, DRAWS, 0), stress_table(made, "baseline", DRAWS, 0)
    assert curves["dice_high"].max() == 1
    assert curves["dice_low"].min() >= 0
    assert table["auc_high"].max() == 1
    assert at(table, "ours", "blur")["drop_low"] < 0
