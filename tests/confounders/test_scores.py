"""Zero-shot scores of confounders, by hand."""

import numpy as np
import pytest

from mcdrl.confounders.scores import ReferenceStatistics, cosines, reference_statistics, zero_shot_scores

Z = np.eye(3, dtype=np.float32)[:2]


def test_cosines_by_hand_whatever_the_length():
    images = np.array([[2, 0, 0], [0.6, 0.8, 0]], np.float32)
    np.testing.assert_allclose(cosines(images, Z), [[1, 0], [0.6, 0.8]], atol=1e-6)


def test_scores_are_standard_deviations_above_the_training_frames():
    train = np.array([[0.8, 0, 0.6], [0.6, 0, 0.8]], np.float32)
    reference = reference_statistics(train, Z)
    assert reference.mean == pytest.approx([0.7, 0], abs=1e-6)
    assert reference.std == pytest.approx([0.1, 1e-4], abs=1e-6)  # never zero
    wider = ReferenceStatistics(mean=reference.mean, std=[0.1, 0.5])
    found = zero_shot_scores(np.array([[1, 0, 0]], np.float32), Z, wider)
    np.testing.assert_allclose(found, [[3, 0]], atol=1e-4)
