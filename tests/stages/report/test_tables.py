"""Figures that can be followed by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from mcdrl.study.params import RESERVED_SITE_NAMES
from stages.report import tables
from stages.report.tables import Draws

DRAWS = Draws(200, 0)
PIXELS = 100


def frame(method, site, case, dice, *, group=None, seed=0, lesion=True, fp=0, hd95_px=1.0, kind="polyp"):
    """A row of scores; only dice carries a meaning where there is a lesion."""
    tp, fn = (10, 10) if lesion else (0, 0)
    return {
        "method": method,
        "held_out": site,
        "seed": seed,
        "case_id": f"{site}/{case}",
        "group_id": group or str(case),
        "lesion_class": kind if lesion else None,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": PIXELS - tp - fp - fn,
        "dice": dice if lesion else np.nan,
        "iou": dice / 2 if lesion else np.nan,
        "accuracy": 1 - fp / PIXELS,
        "nsd": dice if lesion else np.nan,
        "hd95_px": hd95_px if lesion else np.nan,
    }


def vanished(method, site, case, dice, **keys):
    """A row of a lesion that the working size has swallowed: it has a Dice at the frame's own size, no NSD or HD95."""
    return frame(method, site, case, dice, **keys) | {"nsd": np.nan, "hd95_px": np.nan}


def raw(*rows):
    return pd.DataFrame(list(rows))


def table(*rows):
    return tables.frame_scores(raw(*rows))


def at(rows, **wanted):
    for key, value in wanted.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_the_reference_is_the_baseline_else_the_first_method():
    assert tables.reference_of(["mcdrl", "baseline"]) == "baseline"
    assert tables.reference_of(["partial", "viewpoint"]) == "partial"
    rows = raw(*[frame(name, "A", case, dice) for name, dice in (("p", 0.5), ("q", 0.7)) for case in (1, 2)])
    found = tables.comparisons_table(rows, DRAWS, "p")
    assert set(found["method"]) == {"q"}
    assert set(found["baseline"]) == {"p"}
    assert found["difference"].tolist() == pytest.approx([0.2] * len(found))
    assert tables.comparisons_table(rows, DRAWS).empty


def test_sites_are_means_over_lesion_frames_and_accuracy_over_all():
    rows = tables.sites_table(
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
    rows = tables.sites_table(table(frame("m", "A", 1, 0.2)), DRAWS)
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


def test_seeds_are_averaged_first():
    rows = table(
        frame("m", "A", 1, 0.2, seed=0),
        frame("m", "A", 1, 0.4, seed=1, hd95_px=np.nan),
        frame("m", "A", 2, 0.9, seed=0),
    )
    assert rows["dice"].tolist() == [pytest.approx(0.3), 0.9]
    site = at(tables.sites_table(rows, DRAWS), held_out="A")
    assert site["dice"] == pytest.approx(0.6)
    assert site["n_hd95_undefined"] == 1
    assert site["hd95_px"] == 1.0


def test_intervals_hold_the_mean_and_ignore_other_sites():
    rng = np.random.default_rng(0)
    a = [frame("m", "A", k, d) for k, d in enumerate(rng.random(30))]
    b = [frame("m", "B", k, d) for k, d in enumerate(rng.random(30))]
    alone, both = tables.sites_table(table(*a), DRAWS), tables.sites_table(table(*b, *a), DRAWS)
    columns = ["dice", "dice_low", "dice_high"]
    assert at(alone, held_out="A")[columns].tolist() == at(both, held_out="A")[columns].tolist()
    for row in both[both["held_out"] != "worst"].itertuples():
        assert row.dice_low < row.dice < row.dice_high
    assert math.isnan(at(both, held_out="worst")["dice_low"])  # chosen on these frames


@pytest.mark.parametrize("n_groups", [1, 2, 4, 5, 29, 30])
def test_five_groups_at_least_have_an_interval(n_groups):
    """Everywhere: at sites, by lesion class, on frames without a lesion, in comparisons."""
    rng = np.random.default_rng(n_groups)
    dice = {method: rng.random(2 * n_groups) for method in ("baseline", "m")}
    cases = [(method, k, d) for method, row in dice.items() for k, d in enumerate(row)]
    rows = [frame(method, "A", k, d, group=f"g{k % n_groups}") for method, k, d in cases]
    rows += [frame(m, "A", f"n{k}", 0, lesion=False, fp=k % 2, group=f"g{k}") for m in dice for k in range(n_groups)]
    found = table(*rows)
    site = at(tables.sites_table(found, DRAWS), method="m", held_out="A")
    kind = at(tables.lesions_table(found, DRAWS), method="m")
    negative = at(tables.negatives_table(found, DRAWS), method="m", held_out="A")
    compared = at(tables.comparisons_table(raw(*rows), DRAWS), held_out="mean")
    known = [math.isfinite(row) for row in (site["dice_low"], kind["dice_low"], negative["low"], compared["low"])]
    assert known == [n_groups >= 5] * 4
    assert {site["n_groups"], kind["n_groups"], negative["n_groups"], compared["fewest_groups"]} == {n_groups}


def test_an_interval_of_dice_stays_within_its_bounds():
    rows = table(*[frame("m", "A", k, d) for k, d in enumerate([0.0, 0.9, 1.0, 1.0, 1.0])])
    site = at(tables.sites_table(rows, DRAWS), held_out="A")
    assert (site["dice_low"] > 0.1, site["dice_high"]) == (True, 1.0)


def test_a_site_without_lesions_takes_no_interval_from_the_mean():
    lesions = [frame("m", "A", k, d) for k, d in enumerate(np.random.default_rng(1).random(6))]
    rows = tables.sites_table(table(*lesions, frame("m", "B", 1, 0, lesion=False)), DRAWS)
    a, mean = at(rows, held_out="A"), at(rows, held_out="mean")
    assert (mean["dice_low"], mean["dice_high"]) == (a["dice_low"], a["dice_high"])
    assert mean["fewest_groups"] == 6


def test_a_site_without_lesions_is_undefined_and_stays_out_of_the_mean():
    rows = tables.sites_table(table(frame("m", "A", 1, 0.5), frame("m", "B", 1, 0, lesion=False)), DRAWS)
    assert math.isnan(at(rows, held_out="B")["dice"])
    assert at(rows, held_out="mean")["dice"] == 0.5
    assert at(rows, held_out="worst")["dice"] == 0.5


def test_a_vanished_lesion_has_a_dice_but_no_outline():
    rows = table(
        frame("m", "A", 1, 0.4, hd95_px=np.nan), vanished("m", "A", 2, 0.2, fp=50), frame("m", "A", 3, 0, lesion=False)
    )
    site = at(tables.sites_table(rows, DRAWS), held_out="A")
    assert (site["dice"], site["nsd"], site["accuracy"]) == (pytest.approx(0.3), 0.4, pytest.approx((1 + 0.5 + 1) / 3))
    assert site[["n_frames", "n_lesion", "n_undefined", "n_groups", "n_hd95_undefined"]].tolist() == [3, 2, 1, 2, 1]
    kind = at(tables.lesions_table(rows, DRAWS), lesion_class="polyp")
    assert kind[["n_frames", "n_undefined", "dice", "nsd"]].tolist() == [2, 1, pytest.approx(0.3), 0.4]
    wrong = at(tables.negatives_table(rows, DRAWS), held_out="A")
    assert (wrong["n_frames"], wrong["false_positive_rate"], wrong["area_share"]) == (1, 0, 0)


def test_the_mean_hd95_is_null_where_a_site_has_none():
    defined, never = frame("m", "A", 1, 0.4, hd95_px=3.0), frame("m", "B", 1, 0.0, hd95_px=np.nan)
    rows = tables.sites_table(table(defined, never), DRAWS)
    assert math.isnan(at(rows, held_out="mean")["hd95_px"])
    assert at(rows, held_out="mean")["dice"] == pytest.approx(0.2)
    rows = tables.sites_table(table(defined, never, frame("m", "B", 2, 0.5, hd95_px=5.0)), DRAWS)
    assert at(rows, held_out="mean")["hd95_px"] == 4.0


def test_the_rows_of_several_sites_have_reserved_names():
    assert (tables.MEAN, tables.WORST, tables.ALL) == RESERVED_SITE_NAMES == ("mean", "worst", "all")


def test_negatives_count_frames_and_area():
    rows = table(
        frame("m", "A", 1, 0, lesion=False, fp=10),
        frame("m", "A", 2, 0, lesion=False),
        frame("m", "A", 3, 0.5, fp=90),
        frame("m", "B", 1, 0, lesion=False),
    )
    found = tables.negatives_table(rows, DRAWS)
    a, both = at(found, held_out="A"), at(found, held_out="all")
    assert (a["n_frames"], a["false_positive_rate"], a["area_share"]) == (2, 0.5, pytest.approx(0.05))
    assert (both["n_frames"], both["false_positive_rate"]) == (3, pytest.approx(1 / 3))


def test_without_negatives_the_table_is_empty_but_has_its_columns():
    found = tables.negatives_table(table(frame("m", "A", 1, 0.5)), DRAWS)
    assert len(found) == 0
    assert "false_positive_rate" in found.columns


def test_lesion_classes_pool_the_sites():
    rows = table(
        frame("m", "A", 1, 0.2, kind="cyst"),
        frame("m", "B", 1, 0.4, kind="cyst"),
        frame("m", "B", 2, 0.9),
        frame("m", "B", 3, 0, lesion=False),
    )
    found = tables.lesions_table(rows, DRAWS)
    assert found["lesion_class"].tolist() == ["cyst", "polyp"]
    assert at(found, lesion_class="cyst")["dice"] == pytest.approx(0.3)
    assert at(found, lesion_class="cyst")["n_groups"] == 2


def test_groups_of_equal_name_at_two_sites_are_two_groups():
    rows = table(frame("m", "A", 1, 0.2, group="p1"), frame("m", "B", 1, 0.4, group="p1"))
    assert rows["group_id"].nunique() == 2


def test_comparisons_pair_frames_and_count_sites_equally():
    base = [frame("baseline", "A", k, 0.5) for k in range(5)] + [frame("baseline", "B", 0, 0.5)]
    better = [frame("new", "A", k, 0.6) for k in (3, 1, 2, 0, 4)] + [frame("new", "B", 0, 0.9)]
    found = tables.comparisons_table(raw(*base, *better), DRAWS)
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
    found = tables.comparisons_table(raw(*base, *[frame(*cell, 0.6) for cell in cells]), DRAWS)
    single, mean = found[found["held_out"] != "mean"], found[found["held_out"] == "mean"]
    assert single["p"].tolist() == pytest.approx([2 / 2**5] * 4)
    assert single["p_holm"].tolist() == pytest.approx([4 * 2 / 2**5] * 4)
    assert mean["p"].tolist() == pytest.approx([2 / 2**10] * 2)
    assert mean["p_holm"].tolist() == pytest.approx([2 * 2 / 2**10] * 2)


@pytest.mark.parametrize("methods", [["mcdrl"], ["baseline"]])
def test_comparisons_are_empty_without_baseline_or_rival(methods):
    found = tables.comparisons_table(raw(*[frame(m, "A", 1, 0.5) for m in methods]), DRAWS)
    assert len(found) == 0
    assert "p_holm" in found.columns


def test_the_seeds_are_a_level_of_a_comparison():
    """A gain of 3 points on every frame, though one training of three lost: the frames are sure, the seeds not."""
    base = [frame("baseline", "A", k, 0.5 + 0.01 * k, seed=s) for s in range(3) for k in range(10)]
    ours = [
        frame("m", "A", k, 0.5 + 0.01 * k + d, seed=s) for s, d in enumerate((0.08, 0.05, -0.04)) for k in range(10)
    ]
    row = at(tables.comparisons_table(raw(*base, *ours), DRAWS), held_out="mean")
    assert (row["difference"], row["low"], row["n_seeds"]) == (pytest.approx(0.03), pytest.approx(0.03), 3)
    reach = 4.302653 * np.std([0.08, 0.05, -0.04], ddof=1) / 3**0.5
    assert (row["seed_low"], row["seed_high"]) == (pytest.approx(0.03 - reach), pytest.approx(0.03 + reach))
    assert (row["p"] < 0.01, row["seed_p"] > 0.05, row["p_holm"] == row["seed_p"], row["sure"]) == (True,) * 3 + (
        False,
    )
    steady = [frame("m", "A", k, 0.53 + 0.01 * k + 0.001 * s, seed=s) for s in range(3) for k in range(10)]
    row = at(tables.comparisons_table(raw(*base, *steady), DRAWS), held_out="mean")
    assert row["sure"]
    alone = at(tables.comparisons_table(raw(*base[:10], *steady[:10]), DRAWS), held_out="mean")
    assert (alone["n_seeds"], alone["p_holm"] < 0.01, alone["sure"]) == (1, True, False)
    assert math.isnan(alone["seed_low"])


def test_seeds_table_has_a_mean_a_seed():
    scores = pd.DataFrame(
        [frame("m", site, 1, d, seed=s) for site, d, s in [("A", 0.2, 0), ("B", 0.4, 0), ("A", 0.6, 1), ("B", 0.8, 1)]]
    )
    found = tables.seeds_table(scores)
    assert found[found["held_out"] == "mean"]["dice"].tolist() == [pytest.approx(0.3), pytest.approx(0.7)]


def test_metrics_are_flat_and_count_what_is_undefined():
    sites = tables.sites_table(table(frame("m", "A", 1, 0.25), frame("m", "B", 1, 0.75)), DRAWS)
    quality = pd.DataFrame(
        {"recall": [0.5, 0.7], "recall_random": [0.2, 0.4], "auroc": [None, 0.8], "auroc_inverted": [None, None]}
    )
    found = tables.metrics(sites, quality, random_weights=True)
    assert (found["m_dice_mean"], found["m_dice_worst"], found["mining_recall"]) == (0.5, 0.25, 0.6)
    assert found["mining_auroc"] == 0.8
    assert isinstance(found["m_hd95_undefined"], int)
    assert found["mining_auroc_inverted"] is None
    assert (found["n_undefined"], found["random_weights"]) == (1, 1)
    assert all(not isinstance(value, dict) for value in found.values())


def test_a_rate_of_none_or_all_has_wilsons_interval():
    """Wilson for 0 of 6: upper end z^2 / (n + z^2); resampling would say that six frames settle it."""
    z = 1.959964**2
    low, high = tables._rate_interval((0.0, 0.0), 0.0, 6)
    assert (low, high) == (pytest.approx(0, abs=1e-9), pytest.approx(z / (6 + z), abs=1e-6))
    low, high = tables._rate_interval((1.0, 1.0), 1.0, 6)
    assert (low, high) == (pytest.approx(6 / (6 + z), abs=1e-6), pytest.approx(1, abs=1e-9))
