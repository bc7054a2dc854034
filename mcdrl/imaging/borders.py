"""What a frame shows outside the endoscope's view, of that: strips at the sides, burnt-in text; and position boxes.

A position box may lie inside the view. A model can tell a site by them, so they are measured for every frame. What is
looked at is `mcdrl.view`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from mcdrl.base.black_border import DARK, Flags, view

Image = np.ndarray[Any, np.dtype[np.uint8]]
COARSE = 56  # cells a side that are enough for shares of the area
COLOURED = 40  # by how much green or blue exceed red in a position box; tissue is red
MARKER_MIN = 0.01  # of the frame; smaller patches are no position box
_NOTCH_MIN = 0.03  # of the frame; corners of one view differ by up to 0.02
_NOTCH_FULL = 0.8  # of its bounding rectangle
_NOTCH_DARK = 22  # of 255, in nine tenths of it; tissue in shadow, which is as dark as a border may be, is above
MARKER_FULL = 0.65  # of its bounding rectangle
_TEXT = 80  # of 255, from which text is bright
_GREY = 50  # by how much a text's channels differ at most; tissue in shadow is brownish
CORNER = 0.12  # of the side: how near to a corner of the frame a position box begins


@dataclass(frozen=True)
class Borders:
    """What a frame shows beside the view; shares of the frame's area, 0..1.

    Attributes:
        box: left, top, right, bottom of the view, in parts of the frame's width and height.
        border_share: of everything outside the view: black corners, black frame, panels; strips and text are
            parts of it.
        panel_share: of the strips left and right of the view, black ones, too.
        overlay_share: of what is bright and grey outside the view: burnt-in text.
        marker_share: of a position box: a green or blue rectangle in a corner, inside the view or not, or one that was
            blackened.
    """

    box: tuple[float, float, float, float]
    border_share: float
    panel_share: float
    overlay_share: float
    marker_share: float


_WHOLE = Borders((0.0, 0.0, 1.0, 1.0), 0.0, 0.0, 0.0, 0.0)


def measure(image: Image, cells: int = COARSE) -> Borders:
    """Return what a frame shows beside the view.

    The view is the largest patch that isn't black, together with what lies between its parts in a row and in a column,
    so that a dark lumen belongs to it. A frame that is black all over counts as view.

    Args:
        image: [H, W, 3] uint8, RGB 0..255.
        cells: about how many cells a side are looked at.
    """
    rows_step, columns_step = (max(1, size // cells) for size in image.shape[:2])
    sampled = image[::rows_step, ::columns_step]
    bright = sampled.max(axis=2) >= DARK
    marker = _marker(sampled)
    seen = view(bright & ~marker)
    if not seen.any():
        return _WHOLE
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    height, width = seen.shape
    box = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    beside, brightest = ~seen, sampled.max(axis=2)
    text = (brightest >= _TEXT) & (brightest - sampled.min(axis=2) < _GREY)
    return Borders(
        box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        border_share=float(beside.mean()),
        panel_share=float(box[0] + 1 - box[2]),
        overlay_share=float((beside & text & ~marker).mean()),
        marker_share=float(marker.mean()) or _notch(beside, brightest),
    )


def _marker(sampled: Image) -> Flags:
    """Return the green or blue rectangles that begin near a corner."""
    red, green, blue = (sampled[..., channel].astype(np.int16) for channel in range(3))
    patches, count = ndimage.label(np.maximum(green, blue) - red > COLOURED)
    marker = np.zeros(patches.shape, bool)
    sizes = np.bincount(patches.ravel(), minlength=count + 1)
    for number in 1 + np.flatnonzero(sizes[1:] >= MARKER_MIN * patches.size):
        place = ndimage.find_objects((patches == number).astype(np.int8))[0]
        if sizes[number] >= MARKER_FULL * patches[place].size and _in_corner(place, patches):
            marker[place] = True
    return marker


def _in_corner(place: tuple[slice, ...], cells: np.ndarray[Any, Any]) -> bool:
    gaps = [min(part.start, size - part.stop) / size for part, size in zip(place, cells.shape, strict=True)]
    return bool(max(gaps) <= CORNER)


def _notch(beside: Flags, brightest: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    """Return the share of a box that was blackened: a rectangle, truly black, that one corner alone has."""
    high, wide = (size // 3 for size in beside.shape)
    turned = [(slice(None, None, down), slice(None, None, right)) for down in (1, -1) for right in (1, -1)]
    corners = [beside[place][:high, :wide] for place in turned]
    *_, next_, most = sorted(range(4), key=lambda number: corners[number].sum())
    if corners[most].sum() - corners[next_].sum() < _NOTCH_MIN * beside.size:
        return 0.0
    patches, _ = ndimage.label(corners[most] & ~corners[next_])
    number = 1 + int(np.argmax(np.bincount(patches.ravel())[1:]))
    patch = patches == number
    full = corners[most][ndimage.find_objects(patches)[number - 1]].mean()
    dark = np.quantile(brightest[turned[most]][:high, :wide][patch], 0.9)
    share = float(patch.sum() / beside.size)
    return share if share >= _NOTCH_MIN and full >= _NOTCH_FULL and dark < _NOTCH_DARK else 0.0
