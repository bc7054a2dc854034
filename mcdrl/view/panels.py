"""Panels that are no even area: a gradient, a texture. They end at a straight line across the whole screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcdrl.view.plane import fitted
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
_ONE_HUE = 1.5  # of 255: the same of red and blue less green, where only the light varies
_TINGE = 12.0  # of 255: how far red or blue is from green at least; else it is grey, as some tissue is shown
_DARK = 48.0  # of 255: what is darker may be tissue in shadow, which is as plain
_ROUNDS = 3  # of looking for panels on all four sides, and of fitting a ground


def without_panels(image: Image, box: Box) -> Box:
    """Return what remains of a box when the panels at its sides are taken off.

    Args:
        image: [h, w, 3] uint8, RGB, smoothed, a few hundred pixels a side at most.
        box: left, top, right, bottom in its pixels.
    """
    left, top, right, bottom = box
    for _ in range(_ROUNDS):
        before = left, top, right, bottom
        at_left, at_right = _panels(image[top:bottom, left:right])
        left, right = left + at_left, right - at_right
        at_top, at_bottom = _panels(image[top:bottom, left:right].transpose(1, 0, 2))
        top, bottom = top + at_top, bottom - at_bottom
        if before == (left, top, right, bottom):
            break
    return left, top, right, bottom


def _panels(part: Image) -> tuple[int, int]:
    """Return how many columns on the left belong to a panel, and how many of the rest on the right."""
    changes = _changes(part)
    at_left = _panel(part, changes)
    if at_left:
        part = part[:, at_left:]
        changes = _changes(part)
    return at_left, _panel(part[:, ::-1], changes[::-1])


def _panel(part: Image, changes: Floats) -> int:
    """Return how many columns on the left belong to a panel, by the `_changes` of all columns."""
    width = part.shape[1]
    for line in np.flatnonzero(changes >= _LONG)[::-1]:
        if _BLOCK <= line <= _DEEPEST * width and _is_plain(part[:, : line - 1]):
            return int(line)
    return 0


def _changes(part: Image) -> Floats:
    """Return for each column which share of its length shows a change of colour from its left to its right.

    In whole numbers, so that a mirrored part has the same ones, mirrored. A small part has none.
    """
    height, width = part.shape[:2]
    result = np.zeros(width, np.float32)
    if min(height, width) < 4 * _ALONG:
        return result
    rows = part[: height // _ALONG * _ALONG].reshape(-1, _ALONG, width, 3)
    sums = rows.sum(axis=1, dtype=np.int16)
    windows = sum(sums[:, start : width - _REACH + 1 + start] for start in range(_REACH))
    changes = np.abs(windows[:, _REACH + 1 :] - windows[:, : -_REACH - 1]).max(axis=2)
    beside = np.pad(changes, ((0, 0), (_BESIDE, _BESIDE)))
    rest = np.maximum(beside[:, : -2 * _BESIDE], beside[:, 2 * _BESIDE :])
    found = (changes >= _JUMP * _ALONG * _REACH) & (changes >= _ALONE * rest)
    result[_REACH : width - _REACH] = found.mean(axis=0)
    return result


def _is_plain(part: Image) -> bool:
    """Return whether a part's colour is one, or changes evenly, wherever there is no text on it, and isn't dark.

    A pattern of lighter and darker places counts as well, if their hue is one and more than a tinge.
    """
    height, width = (size // _BLOCK * _BLOCK for size in part.shape[:2])
    if not width:
        return False
    blocks = part[:height, :width].astype(np.float32).reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK, 3)
    means = blocks.mean(axis=(1, 3))
    if float(np.median(means.max(axis=2))) <= _DARK:
        return False
    hues = means[..., ::2] - means[..., 1:2]
    tinge = float(np.abs(np.median(hues, axis=(0, 1))).max())
    return _off_plane(means) <= _PLAIN or (tinge >= _TINGE and _off_plane(hues) <= _ONE_HUE)


def _off_plane(values: Floats) -> float:
    """Return how far values [h, w, n] are, at the median, from the plane through most of them."""
    y, x = np.indices(values.shape[:2])
    design = np.stack([np.ones(x.size), x.ravel(), y.ravel()], axis=1).astype(np.float64)
    _, off = fitted(design, values.reshape(x.size, -1), _ROUNDS)
    return float(np.median(off))
