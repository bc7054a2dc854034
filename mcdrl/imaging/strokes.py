"""Masks of lines: outlines that somebody drew around lesions and never filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

Bools = np.ndarray[Any, np.dtype[np.bool_]]
_STROKE_PX, _STROKE_SHARE = 8, 0.02  # a stroke is at most so wide, px or share of the shorter side
_LONG = 8  # squares of the stroke's width that a line's area holds at least; a disc holds three
_HOLLOW = 2  # times the drawn area that an outline encloses at least; a lesion with a hole encloses less


@dataclass(frozen=True)
class Strokes:
    """What of a mask is drawn in thin lines.

    Attributes:
        line_px: lesion pixels of parts that are a few pixels wide and many times longer.
        outline_px: those of them that are closed around a multiple of their own area.
    """

    line_px: int
    outline_px: int


def strokes(lesion: Bools) -> Strokes:
    """Measure the lines in a mask, [H, W] bool."""
    parts = list(_lines(lesion))
    closed = (part for part in parts if _enclosed_px(part) >= _HOLLOW * part.sum())
    return Strokes(sum(int(part.sum()) for part in parts), sum(int(part.sum()) for part in closed))


def _lines(lesion: Bools) -> Iterator[Bools]:
    """Yield the connected parts that are thin lines, each in the box around it."""
    rows, columns = np.flatnonzero(lesion.any(axis=1)), np.flatnonzero(lesion.any(axis=0))
    if not rows.size:
        return
    around = np.pad(lesion[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    names, count = ndimage.label(around[1:-1, 1:-1], np.ones((3, 3)))
    area = np.bincount(names.ravel(), minlength=count + 1)
    edge = area - np.bincount(names[inner], minlength=count + 1)
    stroke = 2 * area / np.maximum(edge, 1)
    thin = (stroke <= max(_STROKE_PX, _STROKE_SHARE * min(lesion.shape))) & (area >= _LONG * stroke**2)
    boxes = ndimage.find_objects(names)
    for name in np.flatnonzero(thin[1:]) + 1:
        yield names[boxes[name - 1]] == name


def _enclosed_px(part: Bools) -> int:
    return int(ndimage.binary_fill_holes(part).sum()) - int(part.sum())
