"""Masks of lines: outlines that somebody drew around lesions and never filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from mcdrl.base.windows import grown

Bools = np.ndarray[Any, np.dtype[np.bool_]]
_STROKE_PX, _STROKE_SHARE = 8, 0.02  # a stroke is at most so wide, px or share of the shorter side
_LONG = 8  # squares of the stroke's width that a line's area holds at least; a disc holds three
_HOLLOW = 0.5  # times the drawn area that an outline encloses at least; a lesion with holes encloses a tenth
_CUT_OFF = 1.0  # likewise with the frame's border; a lesion across a corner of the frame cuts off a third
_SEEN_PX = 256  # longer side at which outlines are looked for
_GAP_SHARE = 0.06  # of the shorter side; gaps in an outline that close it still
_SMALL_PX = 16  # at that size; smaller holes are specks


@dataclass(frozen=True)
class Strokes:
    """What of a mask is drawn in thin lines.

    Attributes:
        line_px: lesion pixels of parts that are a few pixels wide and many times longer.
        outline_px: lesion pixels of parts of any width that are closed, but for gaps, around nothing.
    """

    line_px: int
    outline_px: int


def strokes(lesion: Bools, judged: Bools | None = None) -> Strokes:
    """Measure the lines in a mask.

    Args:
        lesion: [H, W] bool.
        judged: [H, W] bool, where the mask says what there is; None: everywhere. What an outline encloses is judged.
    """
    seen, factor = _shrunk(lesion)
    empty = ~seen if judged is None else ~seen & ~_shrunk(~judged)[0]
    gap = round(_GAP_SHARE * min(seen.shape)) | 1
    outline_px = max(_outline_px(seen, empty, 1), _outline_px(seen, empty, gap)) * factor**2
    return Strokes(sum(int(part.sum()) for part in _lines(lesion)), min(outline_px, int(lesion.sum())))


def _shrunk(mask: Bools) -> tuple[Bools, int]:
    """Return a mask at the size at which outlines are looked for, thin lines kept, and how often it is smaller."""
    factor = -(-max(mask.shape) // _SEEN_PX)
    height, width = mask.shape
    whole = np.pad(mask, ((0, -height % factor), (0, -width % factor)))
    rows = np.logical_or.reduce([whole[start::factor] for start in range(factor)])
    return np.logical_or.reduce([rows[:, start::factor] for start in range(factor)]), factor


def _outline_px(lesion: Bools, empty: Bools, gap: int) -> int:
    """Return how many pixels are drawn around nothing.

    Args:
        lesion: [H, W] bool.
        empty: [H, W] bool, where there is background for sure.
        gap: odd; gaps narrower than this are closed.
    """
    closed = grown(lesion, gap)
    parts, count = ndimage.label(closed, np.ones((3, 3)))
    drawn = np.bincount(parts[lesion], minlength=count + 1)
    hollow, cut = np.zeros(count + 1), np.zeros(count + 1)
    for hole, sides in _holes(closed):
        rim = parts[ndimage.binary_dilation(hole) & closed]
        if rim.size:
            (cut if sides else hollow)[np.bincount(rim).argmax()] += (grown(hole, gap) & empty).sum()
    around = (hollow >= _HOLLOW * drawn) | (hollow + cut >= _CUT_OFF * drawn)
    return int(drawn[1:][around[1:]].sum())


def _holes(mask: Bools) -> Iterator[tuple[Bools, int]]:
    """Yield the holes in a mask and those that the frame's border cuts off, with the number of sides they touch."""
    names, count = ndimage.label(~mask)
    area = np.bincount(names.ravel(), minlength=count + 1)
    area[0] = 0
    outside = area.argmax()
    sides = [set(np.unique(side).tolist()) for side in (names[0], names[:, -1], names[-1], names[:, 0])]
    for name in np.flatnonzero(area >= _SMALL_PX).tolist():
        touched = [index for index, side in enumerate(sides) if name in side]
        opposite = {0, 2} <= set(touched) or {1, 3} <= set(touched)
        if not opposite and (name != outside or not touched):
            yield names == name, len(touched)


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
