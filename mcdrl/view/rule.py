"""What of a frame is looked at: by a rule, whoever reads the frame."""

from __future__ import annotations

import math

from mcdrl.base.view_rule import ViewRule
from mcdrl.view.find import find_view
from mcdrl.view.shape import Image, Kind, View, whole

MARGIN = 0.01  # of the view's width and height: how far a cut is set outwards
_EXACT = 1e-6  # pixels: 0.29 of 100 is 29, and no further pixel outwards


def looked_at(frame: Image, rule: ViewRule) -> View:
    """Return what of a frame is looked at.

    Args:
        frame: [H, W, 3] uint8, RGB 0..255.
        rule: auto: the view that is found, with a rim of `MARGIN`, since masks reach over the edge by a pixel or three;
            full: all of it; or left, top, right, bottom in parts of width and height, rounded outwards, of a pixel at
            least.
    """
    height, width = frame.shape[:2]
    if rule == "auto":
        return find_view(frame).padded(MARGIN, width, height)
    if rule == "full":
        return whole(width, height)
    left, top, right, bottom = (share * size for share, size in zip(rule, (width, height) * 2, strict=True))
    x, y = min(math.floor(left + _EXACT), width - 1), min(math.floor(top + _EXACT), height - 1)
    box = (x, y, max(math.ceil(right - _EXACT), x + 1), max(math.ceil(bottom - _EXACT), y + 1))
    return View(box, Kind.RECTANGLE)
