"""Lesions found and false positives, by hand."""

import numpy as np
import pytest
from scipy.ndimage import label

from mcdrl.metrics.detection import HIT_IOU, components, froc, match, sensitivity_at

SIDE = 40


def mask(*boxes):
    """Boxes (top, left, height, width) on a frame of 40 x 40."""
    found = np.zeros((SIDE, SIDE), bool)
    for top, left, height, width in boxes:
        found[top : top + height, left : left + width] = True
    return found


def matched(called, truth, probability=None):
    return match(np.full((SIDE, SIDE), 0.75, np.float32) if probability is None else probability, called, truth)


def test_two_lesions_one_found_and_one_false_component():
    """A lesion of 4 x 5 under a component of 4 x 4, one of 3 x 3 that nothing meets, and a call of 2 x 2."""
    probability = np.full((SIDE, SIDE), 0.6, np.float32)
    probability[2:6, 2:4] = 0.9  # half of the component that hits
    found = matched(mask((2, 2, 4, 4), (30, 5, 2, 2)), mask((2, 2, 4, 5), (20, 20, 3, 3)), probability)
    assert found.iou == pytest.approx(np.array([[16 / 20, 0], [0, 0]]))
    assert found.area_px.tolist() == [16, 4]
    assert found.lesion_area_px.tolist() == [20, 9]
    assert found.score == pytest.approx([0.75, 0.6])
    assert found.false.tolist() == [False, True]
    assert found.found_at == pytest.approx([0.75, np.nan], nan_ok=True)


def test_a_component_hits_from_the_named_overlap_on():
    lesion, n = mask((0, 0, 1, 10)), 10
    at = {extra: matched(mask((0, 9, 1, extra + 1)), lesion) for extra in (0, 1)}  # one pixel in common
    assert [float(one.iou[0, 0]) for one in at.values()] == [1 / n, 1 / (n + 1)]
    assert [bool(one.hits[0, 0]) for one in at.values()] == [True, False]
    assert HIT_IOU == 0.1


@pytest.mark.parametrize(
    ("called", "truth", "shape"), [((), (), (0, 0)), ([(1, 1, 2, 2)], (), (1, 0)), ((), [(1, 1, 2, 2)], (0, 1))]
)
def test_empty_masks(called, truth, shape):
    found = matched(mask(*called), mask(*truth))
    assert found.iou.shape == shape
    assert found.false.tolist() == [True] * shape[0]
    assert np.isnan(found.found_at).tolist() == [True] * shape[1]


def test_what_touches_at_a_corner_is_one_component():
    touching, apart = mask((0, 0, 3, 3), (3, 3, 3, 3)), mask((0, 0, 3, 3), (3, 4, 3, 3))
    assert [components(one)[1] for one in (touching, apart)] == [1, 2]
    assert len(matched(touching, touching).lesion_area_px) == 1
    assert len(matched(apart, apart).lesion_area_px) == 2


def test_several_components_on_one_lesion_find_it_once_and_are_no_false_positives():
    probability = np.full((SIDE, SIDE), 0.6, np.float32)
    probability[:, 8:] = 0.8
    found = matched(mask((0, 0, 10, 4), (0, 8, 10, 2)), mask((0, 0, 10, 10)), probability)
    assert pytest.approx(np.array([[0.4, 0.2]])) == found.iou.T
    assert not found.false.any()
    assert found.found_at == pytest.approx([0.8])


def test_a_component_over_two_lesions_finds_both():
    found = matched(mask((0, 0, 4, 9)), mask((0, 0, 4, 4), (0, 5, 4, 4)))
    assert found.hits.tolist() == [[True, True]]
    assert not found.false.any()


def test_specks_of_the_pen_are_no_lesions_and_the_largest_is_none():
    truth = np.zeros((200, 200), bool)  # a ten-thousandth is 4 px
    truth[0, 0:3] = truth[10, 0:4] = truth[50:60, 50:60] = True
    empty = np.zeros((200, 200), bool)
    found = match(empty.astype(np.float32), empty, truth)
    assert sorted(found.lesion_area_px.tolist()) == [4, 100]
    alone = np.zeros((200, 200), bool)
    alone[0, 0:3] = alone[9, 9] = True
    assert match(empty.astype(np.float32), empty, alone).lesion_area_px.tolist() == [3]
    over = match(np.ones((200, 200), np.float32), truth, truth)
    assert int(over.false.sum()) == 1  # what calls the speck hits no lesion


def test_drawn_masks_agree_with_pairs_counted_one_by_one():
    rng = np.random.default_rng(0)
    for _ in range(20):
        called, truth = rng.random((2, 12, 12)) < 0.35
        probability = rng.random((12, 12)).astype(np.float32)
        found = match(probability, called, truth)
        ours, n = label(called, np.ones((3, 3)))
        theirs, m = label(truth, np.ones((3, 3)))
        for c in range(n):
            one = ours == c + 1
            assert found.area_px[c] == one.sum()
            assert found.score[c] == pytest.approx(probability[one].mean())
            for lesion in range(m):
                other = theirs == lesion + 1
                assert found.iou[c, lesion] == pytest.approx((one & other).sum() / (one | other).sum())


def test_a_free_response_curve_by_hand():
    """Four lesions, two found at 0.9 and 0.6, and false positives at 0.8, 0.6 and 0.55, in two frames."""
    curve = froc(np.array([0.9, np.nan, 0.6, np.nan]), np.array([0.8, 0.55, 0.6]), 2)
    assert curve.to_numpy().tolist() == [
        [np.inf, 0, 0], [0.9, 0, 0.25], [0.8, 0.5, 0.25], [0.6, 1, 0.5], [0.55, 1.5, 0.5],
    ]  # fmt: skip
    assert [sensitivity_at(curve, limit) for limit in (0, 0.5, 0.99, 1, 9)] == [0.25, 0.25, 0.25, 0.5, 0.5]


def test_one_limit_alone_is_one_step():
    curve = froc(np.full(3, 0.7), np.full(2, 0.7), 4)
    assert curve.to_numpy().tolist() == [[np.inf, 0, 0], [0.7, 0.5, 1]]


def test_a_site_without_lesions_has_no_sensitivity_and_its_false_positives():
    curve = froc(np.zeros(0), np.array([0.6]), 5)
    assert curve["false_positives"].tolist() == [0, 0.2]
    assert curve["sensitivity"].isna().all()
    assert np.isnan(sensitivity_at(curve, 1))
    assert froc(np.zeros(0), np.zeros(0), 0)["false_positives"].tolist() == [0]


def test_a_call_where_nobody_judged_is_no_false_positive_and_one_beside_it_is_one_in_one_piece():
    """The judged part of a call is many crumbs, here a comb; it is one component all the same, or none."""
    called, truth = mask((2, 2, 10, 10), (20, 20, 10, 10), (30, 2, 4, 4)), mask((20, 20, 10, 10))
    judged = np.ones((SIDE, SIDE), bool)
    judged[2:12, 2:12] = np.arange(10) % 4 == 0  # 30 of 100 pixels
    judged[25:30, 20:30] = np.arange(10) % 2 == 0
    truth &= judged
    found = match(np.full((SIDE, SIDE), 0.75, np.float32), called, truth, judged)
    assert found.false.tolist() == [False, True]
    assert found.area_px.tolist() == [75, 16]
    judged[2:12, 2:12] = np.arange(10) % 4 > 0  # 70 of 100
    known = match(np.full((SIDE, SIDE), 0.75, np.float32), called, truth, judged)
    assert known.area_px.tolist() == [70, 75, 16]
    assert known.false.tolist() == [True, False, True]
    nobody = match(np.ones((SIDE, SIDE), np.float32), called, np.zeros_like(called), np.zeros_like(called))
    assert nobody.area_px.tolist() == []
