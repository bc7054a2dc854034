import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, jaccard_score

from mcdrl.metrics import counts as m


def masks(*rows):
    return np.array([np.array(row, dtype=bool) for row in rows])


# two by three pixels, counted by hand: tp 1, fp 1, fn 2, tn 2
PREDICTED = masks([[1, 1, 0], [0, 0, 0]])
TRUTH = masks([[1, 0, 1], [1, 0, 0]])


def test_counts_and_scores_by_hand():
    found = m.count(PREDICTED, TRUTH)
    assert [int(part[0]) for part in (found.tp, found.fp, found.fn, found.tn)] == [1, 1, 2, 2]
    assert m.dice(found)[0] == pytest.approx(2 / 5)
    assert m.iou(found)[0] == pytest.approx(1 / 4)
    assert m.accuracy(found)[0] == pytest.approx(3 / 6)


@pytest.mark.parametrize("seed", range(5))
def test_scores_agree_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    predicted, truth = rng.random((3, 9, 9)) < 0.4, rng.random((3, 9, 9)) < 0.3
    found = m.count(predicted, truth)
    for k in range(3):
        flat = truth[k].ravel(), predicted[k].ravel()
        tn, fp, fn, tp = confusion_matrix(*flat).ravel()
        assert (found.tp[k], found.fp[k], found.fn[k], found.tn[k]) == (tp, fp, fn, tn)
        assert m.dice(found)[k] == pytest.approx(f1_score(*flat))
        assert m.iou(found)[k] == pytest.approx(jaccard_score(*flat))
        assert m.accuracy(found)[k] == pytest.approx(accuracy_score(*flat))


def test_a_frame_without_lesion_has_no_dice_but_an_accuracy():
    nothing, one = np.zeros((1, 2, 3), bool), PREDICTED
    clean, wrong = m.count(nothing, nothing), m.count(one, nothing)
    for found in (clean, wrong):
        assert np.isnan(m.dice(found)[0])
        assert np.isnan(m.iou(found)[0])
    assert m.accuracy(clean)[0] == 1
    assert m.accuracy(wrong)[0] == pytest.approx(4 / 6)


def test_a_missed_lesion_scores_zero():
    found = m.count(np.zeros_like(TRUTH), TRUTH)
    assert m.dice(found)[0] == 0
    assert m.iou(found)[0] == 0


def test_swapping_truth_and_prediction_keeps_dice():
    assert m.dice(m.count(PREDICTED, TRUTH))[0] == m.dice(m.count(TRUTH, PREDICTED))[0]


def test_other_than_bool_arrays_are_refused():
    with pytest.raises(ValueError, match="bool"):
        m.count(PREDICTED.astype(np.uint8), TRUTH)
    with pytest.raises(ValueError, match="shape"):
        m.count(PREDICTED, TRUTH[:, :1])


def test_pixels_that_nobody_judged_are_not_counted():
    judged = np.random.default_rng(3).random(TRUTH.shape) < 0.5
    found = m.count(PREDICTED, TRUTH, judged)
    wild = m.count(np.where(judged, PREDICTED, ~PREDICTED), np.where(judged, TRUTH, ~TRUTH), judged)
    assert [vars(found)[name].tolist() for name in vars(found)] == [vars(wild)[name].tolist() for name in vars(wild)]
    assert (found.tp + found.fp + found.fn + found.tn).tolist() == judged.reshape(len(judged), -1).sum(1).tolist()
    assert np.isnan(m.accuracy(m.count(PREDICTED, TRUTH, np.zeros_like(TRUTH)))).all()
