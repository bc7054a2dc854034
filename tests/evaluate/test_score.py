import numpy as np
import pytest

from stages.core.contracts.scores import SCORES
from stages.evaluate.score import binarise, score, to_bytes


def test_scores_by_hand():
    truth = np.zeros((3, 4, 4), bool)
    truth[0, 1, 1] = truth[0, 1, 2] = truth[1, 0, 0] = True
    probability = np.zeros((3, 4, 4))
    probability[0, 1, 1] = probability[0, 2, 1] = probability[2, 3, 3] = 0.9
    rows = score(to_bytes(probability), truth, 0.5, 0)
    assert rows[["tp", "fp", "fn", "tn"]].to_numpy().tolist() == [[1, 1, 1, 13], [0, 0, 1, 15], [0, 1, 0, 15]]
    assert rows["dice"].tolist()[:2] == [0.5, 0.0]
    assert rows["iou"].tolist()[:2] == [pytest.approx(1 / 3), 0.0]
    assert rows["accuracy"].tolist() == [14 / 16, 15 / 16, 15 / 16]
    assert rows["nsd"].tolist()[:2] == [0.5, 0.0]
    assert rows["hd95_px"][0] == pytest.approx(0.95)  # 95th percentile of 0 and 1
    assert np.isnan(rows["hd95_px"][1])  # a lesion and nothing predicted: infinite, so undefined
    assert rows.loc[2, ["dice", "iou", "nsd", "hd95_px"]].isna().all()  # no lesion


def test_columns_are_those_of_the_contract():
    rows = score(np.zeros((1, 4, 4), np.uint8), np.zeros((1, 4, 4), bool), 0.5, 2)
    keys = ["method", "held_out", "seed", "case_id", "group_id", "lesion_class"]
    assert [*keys, *rows.columns] == SCORES.schema.names


def test_half_is_lesion_at_a_threshold_of_half():
    probability = np.array([0.49, 0.5, 0.51])
    assert binarise(to_bytes(probability), 0.5).tolist() == [False, True, True]


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.9])
def test_bytes_keep_the_side_of_the_threshold_to_half_a_step(threshold):
    probability = np.linspace(0, 1, 2001)
    far = np.abs(probability - threshold) > 0.5 / 255
    assert (binarise(to_bytes(probability), threshold) == (probability >= threshold))[far].all()


def test_probabilities_outside_their_range_are_cut():
    assert to_bytes(np.array([-0.1, 0.0, 1.0, 1.2])).tolist() == [0, 0, 255, 255]


def test_a_higher_threshold_never_finds_more():
    probability = np.random.default_rng(0).integers(0, 256, (1, 9, 9)).astype(np.uint8)
    areas = [binarise(probability, threshold).sum() for threshold in (0.2, 0.4, 0.6, 0.8)]
    assert areas == sorted(areas, reverse=True)
