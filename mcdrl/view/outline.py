"""Which outline a view has inside its box: nothing cut off, corners cut off, or a disc."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcdrl.view.shape import Box, Circle, Cut, Flags, Kind, View

Points = NDArray[np.float64]
_SMALL = 0.05  # of the box's shorter side: a smaller cut is a blurred corner
_OFF = 0.02  # of the box's shorter side: nearer to a side, a point of the outline belongs to that side
_FEWEST = 4  # points that a corner's cut is drawn through
_ODD = 1.3  # times the larger neighbour's: a larger cut is a shadow or something drawn over the corner
_ROUND = 0.7  # of the straight cuts' error, up to which a disc explains the corners better
_LARGEST = 0.75  # of the box's diagonal: a disc's radius at most
_ROUNDS = 3  # of drawing a line through a corner's points, each without those far from the line before
_MOST = 0.5  # of a corner's points must be on its line
_SLANT = 4.0  # times as long as the other side's, a cut's one side at most
_LOST = 0.03  # of what is shown may lie outside an outline; where it is more, the outline is wrong
_NO_CUT: Cut = (0.0, 0.0)
_TURNS = ((1, 1), (-1, 1), (-1, -1), (1, -1))  # which way x and y run inwards from the corners, in View's order


def outlined(main: Flags, box: Box, size_px: tuple[int, int], confidence: float) -> View:
    """Return a view with the outline that fits best.

    Args:
        main: [h, w] bool, where the reduced frame shows the view.
        box: its box in the frame's own pixels.
        size_px: the frame's own width and height.
        confidence: how sure the box is.
    """
    scale = np.array([size_px[0] / main.shape[1], size_px[1] / main.shape[0]])
    plain = View(box, Kind.FULL if box == (0, 0, *size_px) else Kind.RECTANGLE, confidence=confidence)
    view = _fitting(_outline(main) * scale, plain, float(scale.min()))
    y, x = np.nonzero(main[::2, ::2])
    lost = ~view.holds((2 * x + 0.5) * scale[0], (2 * y + 0.5) * scale[1])
    return view if lost.sum() <= _LOST * len(lost) else plain


def _fitting(outline: Points, plain: View, blur_px: float) -> View:
    """Return a view with the outline that fits some points [n, 2] best.

    Args:
        outline: x and y of the points, in the frame's own pixels.
        plain: the view with nothing cut off.
        blur_px: how far outside the points are, at least.
    """
    box, shorter = plain.box, min(plain.width_px, plain.height_px)
    corners = [_corner(outline, box, number) for number in range(4)]
    cuts = [_cut(corner, _OFF * shorter) for corner in corners]
    if max(min(cut) for cut in _agreed(cuts)) < _SMALL * shorter:
        return plain
    disc = _disc(np.concatenate([_placed(corner, box, number) for number, corner in enumerate(corners)]), box)
    straight = float(np.median(np.concatenate([_off_line(c, cut) for c, cut in zip(corners, cuts, strict=True)])))
    if disc is not None and disc[1] <= _ROUND * straight:
        x, y, radius = disc[0]
        return replace(plain, kind=Kind.CIRCLE, circle_px=(x, y, radius - blur_px))
    return replace(plain, kind=Kind.OCTAGON, corners_px=tuple(_agreed(cuts)))


def _outline(main: Flags) -> Points:
    """Return [n, 2] x and y of the outermost places of each row and column."""
    height, width = main.shape
    rows, columns = np.flatnonzero(main.any(axis=1)), np.flatnonzero(main.any(axis=0))
    first, last = main.argmax(axis=1)[rows], width - main[:, ::-1].argmax(axis=1)[rows]
    upper, lower = main.argmax(axis=0)[columns], height - main[::-1].argmax(axis=0)[columns]
    x = np.concatenate([first, last, columns + 0.5, columns + 0.5])
    y = np.concatenate([rows + 0.5, rows + 0.5, upper, lower])
    return np.stack([x, y], axis=1)


def _corner(outline: Points, box: Box, number: int) -> Points:
    """Return the outline's points at a corner that lie on neither side, measured inwards from the corner."""
    inwards = (outline - _point(box, number)) * _TURNS[number]
    sides = np.array([box[2] - box[0], box[3] - box[1]])
    off = _OFF * sides.min()
    result: Points = inwards[(inwards > off).all(axis=1) & (inwards < sides / 2).all(axis=1)]
    return result


def _placed(corner: Points, box: Box, number: int) -> Points:
    return corner * _TURNS[number] + _point(box, number)


def _point(box: Box, number: int) -> Points:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)][number], np.float64)


def _cut(corner: Points, off: float) -> Cut:
    """Return how much of both sides a straight line through most of a corner's points cuts off; nothing if none fits.

    Args:
        corner: [n, 2] points, measured inwards from the corner.
        off: how far from the line a point may be.
    """
    if len(corner) < _FEWEST:
        return _NO_CUT
    near = corner
    for _ in range(_ROUNDS):
        slopes = np.linalg.lstsq(near, np.ones(len(near)), rcond=None)[0]
        if slopes.min() <= 0 or slopes.max() > _SLANT * slopes.min():
            return _NO_CUT
        cut = (float(1 / slopes[0]), float(1 / slopes[1]))
        distance = _off_line(corner, cut)
        near = corner[distance <= max(off, float(np.median(distance)))]
    return cut if (distance <= off).mean() >= _MOST else _NO_CUT


def _agreed(cuts: list[Cut]) -> list[Cut]:
    """Return the cuts, those that no neighbour comes near made as small as the larger neighbour's."""
    result = []
    for number, cut in enumerate(cuts):
        next_ = max(cuts[number - 1], cuts[(number + 1) % 4], key=min)
        result.append(next_ if min(cut) > _ODD * min(next_) else cut)
    return result


def _off_line(corner: Points, cut: Cut) -> Points:
    """Return how far a corner's points are from its cut."""
    if min(cut) <= 0:
        result: Points = corner.min(axis=1)
        return result
    slopes = 1 / np.array(cut)
    return np.asarray(np.abs(corner @ slopes - 1) / np.hypot(*slopes))


def _disc(points: Points, box: Box) -> tuple[Circle, float] | None:
    """Return the circle through most of the points and their median distance from it; None if there is none."""
    centre, radius = _fitted(points)
    off = np.abs(np.hypot(*(points - centre).T) - radius)
    centre, radius = _fitted(points[off <= np.median(off) * 2])
    off = np.abs(np.hypot(*(points - centre).T) - radius)
    width, height = box[2] - box[0], box[3] - box[1]
    if not min(width, height) / 2 * 0.95 <= radius <= _LARGEST * np.hypot(width, height):
        return None
    return (float(centre[0]), float(centre[1]), radius), float(np.median(off))


def _fitted(points: Points) -> tuple[Points, float]:
    """Return centre and radius of the circle nearest to points, by algebraic least squares."""
    design = np.concatenate([2 * points, np.ones((len(points), 1))], axis=1)
    x, y, rest = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0]
    return np.array([x, y]), float(np.sqrt(max(0.0, rest + x * x + y * y)))
