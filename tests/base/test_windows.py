"""Windows over flags against SciPy's filters."""

import numpy as np
import pytest
from scipy import ndimage

from mcdrl.base.windows import grown, opened


def flags(height, width, share):
    return np.random.default_rng(0).random((height, width)) < share


@pytest.mark.parametrize("size", [1, 3, 5, 7, 13])
@pytest.mark.parametrize("shape", [(40, 31), (13, 50)])
def test_windows_are_those_of_scipy(size, shape):
    few, most = flags(*shape, 0.02), flags(*shape, 0.98)
    assert np.array_equal(grown(few, size), ndimage.maximum_filter(few, size))
    padded = np.pad(most, size, mode="edge")
    expected = ndimage.maximum_filter(ndimage.minimum_filter(padded, size), size)[size:-size, size:-size]
    assert np.array_equal(opened(most, size), expected)
    assert expected.any() or size > 7


def test_what_a_window_does_not_fit_into_goes_unless_it_reaches_beyond_the_edge():
    bar = np.zeros((12, 12), bool)
    bar[4:7, 2:10] = True
    assert np.array_equal(opened(bar, 3), bar)
    assert not opened(bar, 5).any()
    bar[4:7] = False
    bar[:3] = True
    assert np.array_equal(opened(bar, 5), bar)
