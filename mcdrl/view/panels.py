"""Panels that are no even area: a gradient, a texture. They end at a straight line across the whole screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcdrl.view.shape import Box, Image

Floats = NDArray[np.float32]
_REACH = 2  # working pixels on each side of a line whose mean colours are compared
_ALONG = 9  # working pixels along a line that are averaged, so that texture doesn't count
_JUMP = 9.0  # of 255: by how much the colour changes across a line
_ALONE = 2.0  # times as large as beside it, a change at a sharp line
_BESIDE = 2 * _REACH + 1  # working pixels from a line
_LONG = 0.8  # of the line's length that must show the change
_DEEPEST = 0.45  # of the screen that one panel takes at most
_BLOCK = 6  # working pixels a side whose mean colour stands for a panel's ground
_PLAIN = 5.0  # of 255: how far a panel's ground is from a colour that changes evenly across it, at the median
_DARK = 48.0  # of 255: what is darker may be tissue in shadow, which is as plain
_ROUNDS = 3  # of looking for panels on all four sides


def without_panels(image: Image, box: Box) -> Box:
    """Return what remains of a box when the panels at its sides are taken off.

    Args:
        image: [h, w, 3] uint8, RGB, smoothed, a few hundred pixels a side at most.
        box: left, top, right, bottom in its pixels.
    """
    left, top, right, bottom = box
    for _ in range(_ROUNDS):
        before = left, top, right, bottom
        left += _panel(image[top:bottom, left:right])
        right -= _panel(image[top:bottom, left:right][:, ::-1])
        top += _panel(image[top:bottom, left:right].transpose(1, 0, 2))
        bottom -= _panel(image[top:bottom, left:right][::-1].transpose(1, 0, 2))
        if before == (left, top, right, bottom):
            break
    return left, top, right, bottom


def _panel(part: Image) -> int:
    """Return how many columns on the left belong to a panel."""
    height, width = part.shape[:2]
    if min(height, width) < 4 * _ALONG:
        return 0
    lines = np.flatnonzero(_changes(part) >= _LONG)
    for line in lines[::-1]:
        if _BLOCK <= line <= _DEEPEST * width and _is_plain(part[:, : line - 1]):
            return int(line)
    return 0


def _changes(part: Image) -> Floats:
    """Return for each column which share of its length shows a change of colour from its left to its right."""
    rows = part[: part.shape[0] // _ALONG * _ALONG].astype(np.float32)
    means = rows.reshape(-1, _ALONG, *rows.shape[1:]).mean(axis=1)
    sums = np.cumsum(np.pad(means, ((0, 0), (1, 0), (0, 0))), axis=1)
    windows = (sums[:, _REACH:] - sums[:, :-_REACH]) / _REACH
    changes = np.abs(windows[:, _REACH + 1 :] - windows[:, : -_REACH - 1]).max(axis=2)
    beside = np.pad(changes, ((0, 0), (_BESIDE, _BESIDE)))
    rest = np.maximum(beside[:, : -2 * _BESIDE], beside[:, 2 * _BESIDE :])
    result = np.zeros(part.shape[1], np.float32)
    result[_REACH : _REACH + changes.shape[1]] = ((changes >= _JUMP) & (changes >= _ALONE * rest)).mean(axis=0)
    return result


def _is_plain(part: Image) -> bool:
    """Return whether a part's colour is one, or changes evenly, wherever there is no text on it, and isn't dark."""
    height, width = (size // _BLOCK * _BLOCK for size in part.shape[:2])
    if not width:
        return False
    blocks = part[:height, :width].astype(np.float32).reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3)
    means = blocks.mean(axis=(1, 3))
    if float(np.median(means.max(axis=2))) <= _DARK:
        return False
    y, x = np.indices(means.shape[:2])
    design = np.stack([np.ones(x.size), x.ravel(), y.ravel()], axis=1)
    colours = means.reshape(-1, 3)
    near = np.ones(len(colours), bool)
    for _ in range(_ROUNDS):
        plane = np.linalg.lstsq(design[near], colours[near], rcond=None)[0]
        off = np.abs(colours - design @ plane).max(axis=1)
        near = off <= max(float(np.median(off)), 1.0)
    return float(np.median(off)) <= _PLAIN
