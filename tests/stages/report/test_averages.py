"""What the topics about results share."""

import math

import numpy as np
import pytest

from mcdrl.study.params import RESERVED_SITE_NAMES
from stages.report.averages import ALL, MEAN, WORST, reference_of
from stages.report.topics.comparisons import comparisons_table
from stages.report.topics.lesions import lesions_table
from stages.report.topics.negatives import negatives_table
from stages.report.topics.sites import sites_table
from tests.stages.report.rows import DRAWS, at, frame, raw, table, vanished


def test_the_reference_is_the_baseline_else_the_first_method():
    assert reference_of(["mcdrl", "baseline"]) == "baseline"
    assert reference_of(["partial", "viewpoint"]) == "partial"


def test_seeds_are_averaged_first():
    rows = table(
        frame("m", "A", 1, 0.2, seed=0),
        frame("m", "A", 1, 0.4, seed=1, hd95_px=np.nan),
        frame("m", "A", 2, 0.9, seed=0),
    )
    assert rows["dice"].tolist() == [pytest.approx(0.3), 0.9]
    site = at(sites_table(rows, DRAWS), held_out="A")
    assert site["dice"] == pytest.approx(0.6)
    assert site["n_hd95_undefined"] == 1
    assert site["hd95_px"] == 1.0


@pytest.mark.parametrize("n_groups", [1, 2, 4, 5, 29, 30])
def test_five_groups_at_least_have_an_interval(n_groups):
    """Everywhere: at sites, by lesion class, on frames without a lesion, in comparisons."""
    rng = np.random.default_rng(n_groups)
    dice = {method: rng.random(2 * n_groups) for method in ("baseline", "m")}
    cases = [(method, k, d) for method, row in dice.items() for k, d in enumerate(row)]
    rows = [frame(method, "A", k, d, group=f"g{k % n_groups}") for method, k, d in cases]
    rows += [frame(m, "A", f"n{k}", 0, lesion=False, fp=k % 2, group=f"g{k}") for m in dice for k in range(n_groups)]
    found = table(*rows)
    site = at(sites_table(found, DRAWS), method="m", held_out="A")
    kind = at(lesions_table(found, DRAWS), method="m")
    negative = at(negatives_table(found, DRAWS), method="m", held_out="A")
    compared = at(comparisons_table(raw(*rows), DRAWS), held_out="mean")
    known = [math.isfinite(row) for row in (site["dice_low"], kind["dice_low"], negative["low"], compared["low"])]
    assert known == [n_groups >= 5] * 4
    assert {site["n_groups"], kind["n_groups"], negative["n_groups"], compared["fewest_groups"]} == {n_groups}


def test_the_rows_of_several_sites_have_reserved_names():
    assert {MEAN, WORST, ALL} < set(RESERVED_SITE_NAMES) == {"mean", "worst", "all", "none"}


def test_groups_of_equal_name_at_two_sites_are_two_groups():
    rows = table(frame("m", "A", 1, 0.2, group="p1"), frame("m", "B", 1, 0.4, group="p1"))
    assert rows["group_id"].nunique() == 2


def test_a_vanished_lesion_has_a_dice_but_no_outline():
    rows = table(
        frame("m", "A", 1, 0.4, hd95_px=np.nan), vanished("m", "A", 2, 0.2, fp=50), frame("m", "A", 3, 0, lesion=False)
    )
    site = at(sites_table(rows, DRAWS), held_out="A")
    assert (site["dice"], site["nsd"], site["accuracy"]) == (pytest.approx(0.3), 0.4, pytest.approx((1 + 0.5 + 1) / 3))
    assert site[["n_frames", "n_lesion", "n_undefined", "n_groups", "n_hd95_undefined"]].tolist() == [3, 2, 1, 2, 1]
    kind = at(lesions_table(rows, DRAWS), lesion_class="polyp")
    assert kind[["n_frames", "n_undefined", "dice", "nsd"]].tolist() == [2, 1, pytest.approx(0.3), 0.4]
    wrong = at(negatives_table(rows, DRAWS), held_out="A")
    assert (wrong["n_frames"], wrong["false_positive_rate"], wrong["area_share"]) == (1, 0, 0)
