"""Find the view: what a machine drew is taken away, the largest rest is the view, its sides are set at full size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageFilter
from scipy import ndimage

from mcdrl.base.black_border import between
from mcdrl.base.windows import opened
from mcdrl.view.edges import sides
from mcdrl.view.ground import faded
from mcdrl.view.outline import outlined
from mcdrl.view.panels import without_panels
from mcdrl.view.screen import drawn
from mcdrl.view.shape import Box, Flags, Image, View, whole
from mcdrl.view.stripes import divided

WORKING = 256  # pixels of the longer side that the view is looked for on
_LEAST_PX = 16  # working pixels: a frame with a shorter side is all view
_TEXT = 7  # working pixels: thinner parts are text and lines
_LINES = 13  # the same after gaps between the view's parts are closed
_STEP = 4  # working pixels within which a straight side begins
_STUMP = 0.36  # of the view's longest column: shorter columns before a straight side are something drawn
_DEEP = 6  # working pixels: what sticks out by less stays, as it may be a view with a notch
_JUMP = 0.4  # of the view's longest column, by which columns become longer at a straight side
_ANOTHER = 0.6  # of the view's area: a second picture of that size may be the one that is meant
_SHORTER = 0.6  # of the view's shorter side, that the second picture's reaches, as a strip's doesn't
_SEAM = 20, 0.65  # of 255, and of a line: where it changes by so much on so many places, two small pictures touch
_SEAMS = 2  # at least, across a column or row of small pictures
_THIN = 0.16  # of the view's longest column: shorter columns at its side are text


def find_view(frame: Image) -> View:
    """Return the endoscopic view of a frame; the whole frame where nothing speaks for less.

    Args:
        frame: [H, W, 3] uint8, RGB 0..255.
    """
    height, width = frame.shape[:2]
    small = _reduced(frame)
    if min(small.shape[:2]) < _LEAST_PX:
        return whole(width, height)
    even = drawn(small)
    shown = ~(even | faded(small, even))
    patches, main = _parts(shown)
    if not main.any():
        return whole(width, height)
    box = _bounds(main)
    inner = without_panels(small, box)
    if inner != box:
        _, without = _parts(shown & _inside(inner, shown))
        main = without if without.any() else main  # what is left beside a panel may be too thin to be a view
    box, confidence = sides(frame, main)
    another = _has_second(patches, main, small) or divided(frame, box, _ANOTHER)
    return replace(outlined(main, box, (width, height), confidence), another=another)


def _has_second(patches: NDArray[np.int32], main: Flags, small: Image) -> bool:
    """Return whether the next patch is as large as another picture, and neither a strip nor several small pictures."""
    areas = np.bincount(patches.ravel())[1:]
    if len(areas) < 2:
        return False
    patch = 1 + int(np.argsort(areas)[-2])
    if areas[patch - 1] < _ANOTHER * main.sum():
        return False
    left, top, right, bottom = _bounds(patches == patch)
    view = _bounds(main)
    if min(right - left, bottom - top) < _SHORTER * min(view[2] - view[0], view[3] - view[1]):
        return False
    part = small[top:bottom, left:right]
    return all(_seams(one) < _SEAMS for one in (part, part.transpose(1, 0, 2)))


def _seams(part: Image) -> int:
    """Return how many straight edges cross a part from side to side, those near its ends aside."""
    change, share = _SEAM
    near = len(part) // 8
    steps = np.abs(part[3:].astype(np.int16) - part[:-3]).max(axis=2) >= change
    crossed = steps.mean(axis=1)[near : len(steps) - near] >= share
    return ndimage.label(crossed)[1] if near else 0


def _reduced(frame: Image) -> Image:
    height, width = frame.shape[:2]
    scale = min(1.0, WORKING / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Pictures.fromarray(frame).resize(size, Pictures.Resampling.BOX)
    return np.asarray(picture.filter(ImageFilter.BoxBlur(1)))


def _inside(box: Box, like: Flags) -> Flags:
    left, top, right, bottom = box
    result = np.zeros_like(like)
    result[top:bottom, left:right] = True
    return result


def _bounds(flags: Flags) -> Box:
    rows, columns = np.flatnonzero(flags.any(axis=1)), np.flatnonzero(flags.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _parts(shown: Flags) -> tuple[NDArray[np.int32], Flags]:
    """Return the parts of what is shown, numbered from 1, and the largest one without text and lines that touch it."""
    patches, largest = _largest(opened(shown, _TEXT))
    largest = _kept(largest)
    _, main = _largest(opened(between(largest, 0) & between(largest, 1), _LINES))
    return patches, _kept(main)


def _kept(flags: Flags) -> Flags:
    """Return flags without what sticks out of their sides."""
    result: Flags = flags & _bulk(flags, 0)[None, :] & _bulk(flags, 1)[:, None]
    return result


def _bulk(flags: Flags, axis: int) -> Flags:
    """Return which columns (axis 0) or rows (axis 1) belong to the view's bulk."""
    lengths = flags.sum(axis=axis)
    first, last = _first(lengths), len(lengths) - _first(lengths[::-1])
    places = np.arange(len(lengths))
    result: Flags = (places >= first) & (places < last)
    return result


def _first(lengths: NDArray[np.int64]) -> int:
    """Return the first column that is long enough, or behind which all are much longer at once."""
    longest = lengths.max()
    first = int(np.argmax(lengths >= max(1, _THIN * longest)))
    half = len(lengths) // 2
    before, behind = lengths[first:half], lengths[first + _STEP : half + _STEP]
    steps = (before <= _STUMP * longest) & (behind - before >= _JUMP * longest)
    if not steps.any():
        return first
    step = first + int(np.flatnonzero(steps)[-1])
    step += int(np.argmax(lengths[step : step + _STEP + 1] > _STUMP * longest))
    return step if step - int(np.argmax(lengths > 0)) >= _DEEP else first


def _largest(flags: Flags) -> tuple[NDArray[np.int32], Flags]:
    """Return all patches, numbered from 1, and the largest one."""
    patches, count = ndimage.label(flags)
    areas = np.bincount(patches.ravel())[1:]
    return patches, patches == 1 + np.argmax(areas) if count else flags
