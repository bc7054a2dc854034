"""Whether two frames are one picture: the correlation of their fine detail once one is laid over the other.

Frames of one endoscope share their black border and their shading, so neither may count: dark pixels are left out, and
of the rest only what is finer than a few pixels of the thumbnail is compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from stages.audit.candidates import Candidates, Indices
from stages.audit.prints import VIEWS, Grey
from stages.audit.symmetry import SYMMETRIES, turned

Floats = np.ndarray[Any, np.dtype[np.float32]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
_AT_A_TIME = 128
_PROMISING = (-1, -1, 0.3, 0.5, 0.5, 1)
# correlation to go on with after each step of Gauss and Newton, of which few are needed, as the start is the nearest
# view: of 265 pairs of one site that reach the limit one had less, of 2,856 others about two thirds
_LARGEST_STEP = 0.05  # of the side
_DARK = 24  # grey below which a pixel is border or shadow
_SMOOTH_PX, _COARSE_PX = 0.7, 3.0  # detail is what lies between
_LARGEST = 2.5  # standard deviations that one pixel may count
_LEAST_DETAIL = 0.5  # grey levels: with less there is nothing to compare
_LEAST_AREA = 0.1  # of the frame that both show


def correlations(thumbs: Grey, pairs: Candidates) -> Floats:
    """Return for each pair the largest correlation of detail on the way to the best alignment, -1..1.

    Args:
        thumbs: [N, T, T] uint8, grey 0..255.
        pairs: of indices into them, with the view to begin with and how the whole frame is turned.

    Returns:
        [P] float32; 0 where a frame has no detail or the two share too little area.
    """
    parts = [slice(start, start + _AT_A_TIME) for start in range(0, len(pairs), _AT_A_TIME)]
    return np.concatenate([np.zeros(0, np.float32), *(_looked_at(thumbs, pairs, part) for part in parts)])


def _looked_at(thumbs: Grey, pairs: Candidates, part: slice) -> Floats:
    whole = _turned(thumbs[pairs.whole[part]], pairs.symmetry[part])
    return _aligned(thumbs[pairs.zoomed[part]], whole, VIEWS[pairs.view[part]])


def _turned(thumbs: Grey, symmetries: Indices) -> Grey:
    result = thumbs.copy()
    for symmetry in range(len(SYMMETRIES)):
        chosen = symmetries == symmetry
        result[chosen] = turned(thumbs[chosen], symmetry)
    return result


def _aligned(zoomed: Grey, whole: Grey, box: Floats) -> Floats:
    """Move the box of `zoomed` that `whole` shows until the two fit (Lucas and Kanade), [P, T, T] each.

    Pairs that have come to little after three steps are given up: most of those that are no copies.
    """
    picture, target = zoomed.astype(np.float32), whole.astype(np.float32)
    lit = _lit(target)
    smooth = _blur(target, _SMOOTH_PX)
    best = np.zeros(len(picture), np.float32)
    going = np.arange(len(picture))
    for least in _PROMISING:
        if not len(going):
            break
        shown = _sample(picture[going], box)
        both = lit[going] & _lit(shown)
        moving, fixed = _detail(_blur(shown, _SMOOTH_PX), both), _detail(smooth[going], both)
        best[going] = np.maximum(best[going], _correlation(moving, fixed))
        on = best[going] >= least
        going, box = going[on], (box + _step(moving, fixed, both))[on]
    return best


def _sample(picture: Floats, box: Floats) -> Floats:
    """Return what lies in a box (left, top, right, bottom in parts) of each picture, bilinear, [P, T, T]."""
    side = picture.shape[1]
    across, down = _grid(side)
    left, top, right, bottom = (box[:, k, None, None] for k in range(4))
    x = np.clip((left + (right - left) * across) * side - 0.5, 0, side - 1.001)
    y = np.clip((top + (bottom - top) * down) * side - 0.5, 0, side - 1.001)
    column, row = x.astype(np.int32), y.astype(np.int32)
    dx, dy = x - column, y - row
    number = np.arange(len(picture))[:, None, None]
    upper = picture[number, row, column] * (1 - dx) + picture[number, row, column + 1] * dx
    lower = picture[number, row + 1, column] * (1 - dx) + picture[number, row + 1, column + 1] * dx
    result: Floats = (upper * (1 - dy) + lower * dy).astype(np.float32)
    return result


def _grid(side: int) -> tuple[Floats, Floats]:
    centres = (np.arange(side, dtype=np.float32) + 0.5) / side
    return np.tile(centres, (side, 1)), np.tile(centres[:, None], (1, side))


def _blur(values: Floats, sigma_px: float) -> Floats:
    result: Floats = ndimage.gaussian_filter(values, (0, sigma_px, sigma_px), mode="nearest", truncate=2.5)
    return result


def _lit(grey: Floats) -> Flags:
    """Return which pixels are far enough from any dark one for the edge of it not to count."""
    result: Flags = ndimage.minimum_filter(grey > _DARK, (1, 5, 5), mode="nearest")
    return result


def _detail(smooth: Floats, both: Flags) -> Floats:
    """Return the detail of the counted pixels, mean 0 and deviation about 1, 0 elsewhere."""
    weight = both.astype(np.float32)
    area = weight.sum(axis=(1, 2), keepdims=True) + 1e-6
    fine = (smooth - _blur(smooth * weight, _COARSE_PX) / (_blur(weight, _COARSE_PX) + 1e-3)) * weight
    fine = (fine - fine.sum(axis=(1, 2), keepdims=True) / area) * weight
    deviation = np.sqrt((fine**2).sum(axis=(1, 2), keepdims=True) / area)
    enough = (deviation >= _LEAST_DETAIL) & (weight.mean(axis=(1, 2), keepdims=True) >= _LEAST_AREA)
    result: Floats = np.where(enough, np.clip(fine / np.maximum(deviation, 1e-6), -_LARGEST, _LARGEST), 0)
    return result


def _correlation(moving: Floats, fixed: Floats) -> Floats:
    power = np.sqrt((moving**2).sum(axis=(1, 2)) * (fixed**2).sum(axis=(1, 2)))
    result: Floats = (moving * fixed).sum(axis=(1, 2)) / np.maximum(power, 1e-6)
    return result


def _step(moving: Floats, fixed: Floats, both: Flags) -> Floats:
    """Return by how much each box moves, [P, 4]."""
    count, side = len(moving), moving.shape[1]
    across, down = _grid(side)
    slope_y, slope_x = (slope * side * both for slope in np.gradient(moving, axis=(1, 2)))
    parts = [slope_x * (1 - across), slope_y * (1 - down), slope_x * across, slope_y * down]
    slopes = np.stack(parts, axis=-1).reshape(count, -1, 4)
    square = np.einsum("npi,npj->nij", slopes, slopes)
    damping = 1e-3 * np.trace(square, axis1=1, axis2=2) + 1e-6
    square += damping[:, None, None] * np.eye(4, dtype=np.float32)
    missing = (fixed - moving).reshape(count, -1)
    step = np.linalg.solve(square, np.einsum("npi,np->ni", slopes, missing)[..., None])[..., 0]
    result: Floats = np.clip(step, -_LARGEST_STEP, _LARGEST_STEP).astype(np.float32)
    return result
