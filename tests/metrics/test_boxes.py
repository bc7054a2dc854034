"""The box around a mask."""

import numpy as np

from mcdrl.metrics.boxes import box_around


def test_the_box_reaches_from_the_first_pixel_to_the_last():
    mask = np.zeros((5, 6), bool)
    mask[1, 4] = mask[3, 2] = True
    assert box_around(mask) == (slice(1, 4), slice(2, 5))
    assert mask[box_around(mask)].sum() == 2
    assert box_around(np.ones((2, 3), bool)) == (slice(0, 2), slice(0, 3))


def test_around_an_empty_mask_there_is_nothing():
    mask = np.zeros((5, 6), bool)
    assert mask[box_around(mask)].shape == (0, 0)
