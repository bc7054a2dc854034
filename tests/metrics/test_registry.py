"""What holds of every metric of a frame."""

from dataclasses import replace

import numpy as np
import pytest

from mcdrl.metrics.counts import count
from mcdrl.metrics.registry import FRAME_METRICS, FrameMetric, OfCounts, OfMasks, scores
from mcdrl.metrics.surface import MaskPair

TRUTH = np.zeros((3, 6, 6), bool)
TRUTH[:2, 2:4, 2:4] = True  # the third frame has no lesion
FOUND = TRUTH.copy()
FOUND[0] = np.roll(TRUTH[0], 1, axis=0)
FOUND[1] = False
TOLERANCE_PX = 0.5  # less than FOUND[0] is off
PAIRS = [MaskPair(*pair, TOLERANCE_PX) for pair in zip(FOUND, TRUTH, strict=True)]


def of(metric):
    return metric.values(count(FOUND, TRUTH), PAIRS)


def test_the_published_columns_come_first_and_in_order():
    assert list(FRAME_METRICS)[:5] == ["dice", "iou", "accuracy", "nsd", "hd95_px"]


@pytest.mark.parametrize("metric", FRAME_METRICS.values(), ids=FRAME_METRICS)
def test_an_entry_is_whole(metric):
    assert FRAME_METRICS[metric.name] is metric
    assert metric.name.endswith(metric.unit)
    assert len(metric.meaning) > 20
    assert metric.meaning.endswith(".")


@pytest.mark.parametrize("metric", FRAME_METRICS.values(), ids=FRAME_METRICS)
def test_the_better_mask_is_better_and_frames_without_a_lesion_are_left_out(metric):
    perfect = metric.values(count(TRUTH, TRUTH), [MaskPair(mask, mask, TOLERANCE_PX) for mask in TRUTH])
    assert perfect[0] > of(metric)[0] if metric.better == "higher" else perfect[0] < of(metric)[0]
    assert np.isnan(of(metric)[2]) == (metric.over == "lesion")
    assert np.isnan(of(metric)[1]) == metric.sometimes_undefined


def test_scores_are_those_of_the_entries():
    found = scores(count(FOUND, TRUTH), PAIRS)
    assert list(found) == list(FRAME_METRICS)
    for name, metric in FRAME_METRICS.items():
        np.testing.assert_array_equal(found[name], of(metric))


def test_an_undefined_value_must_be_announced():
    def precision(counts):
        with np.errstate(invalid="ignore"):
            return counts.tp / (counts.tp + counts.fp)

    with pytest.raises(ValueError, match="metric precision is undefined on a frame of lesion; say sometimes_undefined"):
        of(FrameMetric("precision", "precision", OfCounts(precision), "Its share."))
    found = of(FrameMetric("precision", "precision", OfCounts(precision), "Its share.", sometimes_undefined=True))
    np.testing.assert_array_equal(found, [0.5, np.nan, np.nan])


def test_the_rule_of_frames_is_the_entrys_and_not_the_functions():
    one = FrameMetric("one", "one", OfMasks(lambda _: 1.0), "One.")
    np.testing.assert_array_equal(of(one), [1, 1, np.nan])
    everywhere = FrameMetric("one", "one", OfCounts(lambda counts: np.ones(len(counts.tp))), "One.", over="all")
    np.testing.assert_array_equal(of(everywhere), [1, 1, 1])
    assert (one.nullable, everywhere.nullable) == (True, False)
    assert replace(everywhere, sometimes_undefined=True).nullable


def test_the_column_of_undefined_frames_drops_the_unit():
    assert FRAME_METRICS["hd95_px"].undefined_column == "n_hd95_undefined"
    assert FRAME_METRICS["hd95_px"].label == "HD95 px"
    assert FrameMetric("area", "area", OfMasks(len), "Its area.").undefined_column == "n_area_undefined"
