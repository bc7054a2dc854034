"""AUROC, by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mcdrl.metrics.auroc import auroc


def test_auroc_by_hand():
    scores, positive = np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True])
    assert auroc(scores, positive) == pytest.approx([(1 + 0.5 + 1 + 1) / 4])


def test_auroc_is_that_of_scikit_learn_with_weights_too():
    rng = np.random.default_rng(0)
    positive = rng.random(60) < 0.6
    scores = np.round(rng.normal(0.8 * positive, 1), 1)  # with ties
    weights = np.random.default_rng(1).integers(0, 4, (5, 60))
    expected = [roc_auc_score(positive, scores, sample_weight=row) for row in weights]
    assert auroc(scores, positive, weights) == pytest.approx(expected)
    assert auroc(scores, positive) == pytest.approx([roc_auc_score(positive, scores)])
