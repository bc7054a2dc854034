"""Stripes between pictures that lie so near each other that they are one box: even, straight, from side to side.

One of two or three pixels is seen where it isn't blurred; compression hides it otherwise, and nothing is told.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mcdrl.view.shape import Box, Flags, Image

_LINES = 64  # that are looked at across a stripe, spread over the box
_ENDS = 0.05, 0.95  # shares of them between which values count: text may lie on a stripe
_EVEN = 10  # of 255, between these ends in every channel; columns of tissue reach 20 and more
_MIDDLE = 0.3, 0.7  # of the box, where a stripe may lie between two equal pictures, or three
_WIDEST = 0.06  # of the box
_BESIDE = 2  # pixels from a stripe, where the pictures are
_JUMP = 14  # of 255: by how much the colour changes from a stripe to a picture
_MOST = 0.5  # of the lines, on which it does; the others may be dark
_BLACK = 32  # of 255, up to which a stripe may go on into dark sides and corners of the pictures
_WIDEST_BLACK = 0.13  # of the box, together with dark sides
_FURTHER = 0.08  # of the box, from a black stripe, within which a line of a picture becomes lit
_LIT = 0.4  # of the lines, that do


def divided(frame: Image, box: Box, alike: float) -> bool:
    """Return whether stripes divide a box into pictures of about equal size.

    Args:
        frame: [H, W, 3] uint8.
        box: left, top, right, bottom in its pixels.
        alike: of the largest picture's area, that the next one's is at least.
    """
    left, top, right, bottom = box
    part = frame[top:bottom, left:right]
    return any(_is_divided(one, alike) for one in (part, part.transpose(1, 0, 2)))


def _is_divided(part: Image, alike: float) -> bool:
    height, width = part.shape[:2]
    first, last = (round(share * width) for share in _MIDDLE)
    lines = part[np.linspace(0, height - 1, min(height, _LINES)).astype(int), first:last]
    low, high = (round(share * (len(lines) - 1)) for share in _ENDS)
    ordered = np.partition(lines, [low, high], axis=0)
    even = (ordered[high] - ordered[low]).max(axis=1) <= _EVEN
    ends = [(first + start, first + stop) for start, stop in _runs(even) if _is_stripe(lines, start, stop, width)]
    bounds = [0, *(place for one in ends for place in one), width]
    sizes = sorted(stop - start for start, stop in pairwise(bounds))[-2:] if ends else [0, 1]
    return sizes[0] >= alike * sizes[1]


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """Return where flags [n] are set, each time from the first to behind the last."""
    steps = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return [(int(start), int(stop)) for start, stop in steps.reshape(-1, 2)]


def _is_stripe(lines: Image, start: int, stop: int, width: int) -> bool:
    """Return whether even columns are narrow and have a picture on both sides."""
    colour = np.median(lines[:, start:stop].reshape(-1, 3), axis=0)
    black = bool(colour.max() <= _BLACK)
    if stop - start > (_WIDEST_BLACK if black else _WIDEST) * width:
        return False
    if start - 1 < _BESIDE or stop + _BESIDE >= lines.shape[1]:
        return False
    changes = np.abs(lines - colour).max(axis=2) >= _JUMP
    if (changes[:, (start - 1 - _BESIDE, stop + _BESIDE)].mean(axis=0) >= _MOST).all():
        return True
    reach = max(_BESIDE, round(_FURTHER * width))
    beside = changes[:, max(0, start - reach) : start], changes[:, stop : stop + reach]
    return black and all(side.any(axis=1).mean() >= _LIT for side in beside)
