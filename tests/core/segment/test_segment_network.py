"""Mining on the device is mining in numpy."""

import numpy as np
import pytest
import torch

from stages.core.segment.mining import mine
from stages.core.segment.network import mined


@pytest.mark.parametrize("alpha", [0.01, 0.25, 0.6, 1.0])
def test_tensors_select_what_arrays_select(alpha):
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(6, 7, 5, 16)).astype(np.float16)
    dense[2] = dense[2, 0, 0]  # a frame whose places are all equal
    classes = rng.normal(size=(4, 16)).astype(np.float32)
    expected = mine(dense, classes, alpha)
    grid = torch.from_numpy(dense).float().permute(0, 3, 1, 2)
    similarity, selected = mined(grid, torch.from_numpy(classes), alpha)
    np.testing.assert_array_equal(similarity.half().numpy(), expected.similarity)
    np.testing.assert_array_equal(selected.numpy(), expected.selected)


def test_of_equal_places_the_first_are_taken():
    _, selected = mined(torch.ones(1, 3, 2, 4), torch.ones(1, 3), 0.4)
    assert selected[0].tolist() == [[True, True, True, False], [False] * 4]
