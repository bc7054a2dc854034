"""Where a frame shows the endoscope's view, and where the black border around it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

Flags = np.ndarray[Any, np.dtype[np.bool_]]
DARK = 40  # of 255; below this in every channel a pixel is black; borders reach 30


def view(bright: Flags) -> Flags:
    """Return what the optics show: the largest bright patch, the gaps between its parts in a row and a column closed.

    Args:
        bright: [H, W] bool, True where a pixel isn't black.
    """
    patches, count = ndimage.label(ndimage.binary_opening(bright, np.ones((3, 3))))
    if count == 0:
        return np.zeros_like(bright)
    largest = patches == 1 + np.argmax(np.bincount(patches.ravel())[1:])
    return between(largest, 0) & between(largest, 1)


def between(flags: Flags, axis: int) -> Flags:
    """Return which pixels have a set pixel before or at them and one behind or at them."""
    lines = flags if axis else flags.T
    first, last = lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    places = np.arange(lines.shape[1])
    found: Flags = (places >= first[:, None]) & (places < last[:, None]) & lines.any(axis=1, keepdims=True)
    return found if axis else found.T
