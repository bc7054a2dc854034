"""The view's place and outline in a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
Cut = tuple[float, float]  # along x and along y
Circle = tuple[float, float, float]  # centre x, centre y, radius
Image = NDArray[np.uint8]
Places = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]


class Kind(StrEnum):
    """What outline a view has."""

    FULL = "full"  # the whole frame, corners included
    RECTANGLE = "rectangle"
    OCTAGON = "octagon"  # a rectangle with at least one corner cut off by a straight line
    CIRCLE = "circle"  # a disc, which the box may cut off flat on any side


@dataclass(frozen=True)
class View:
    """Where a frame shows what the optics see.

    Attributes:
        box: left, top, right, bottom in the frame's own pixels; half-open, so right - left is its width.
        kind: the outline inside the box.
        corners_px: of an octagon, how much its corners cut off the sides: left top, right top, right bottom, left
            bottom, each along x and along y, in pixels; zeros otherwise.
        circle_px: of a circle, its centre's x and y and its radius in the frame's own pixels; else None.
        confidence: 0..1, how much of the outline inside the frame is backed by a sharp edge; 1 where nothing is cut.
        another: whether the frame shows another picture of about the view's size, be it outside the box or in it.
    """

    box: Box
    kind: Kind
    corners_px: tuple[Cut, ...] = ((0.0, 0.0),) * 4
    circle_px: Circle | None = None
    confidence: float = 1.0
    another: bool = False

    @property
    def width_px(self) -> int:
        """Width of the box."""
        return self.box[2] - self.box[0]

    @property
    def height_px(self) -> int:
        """Height of the box."""
        return self.box[3] - self.box[1]

    def padded(self, share: float, width_px: int, height_px: int) -> View:
        """Return the view with its box set outwards by a share of its width and height, inside the frame.

        Args:
            share: 0..1; masks drawn by hand reach over the rim by a pixel or three.
            width_px: the frame's width.
            height_px: its height.
        """
        left, top, right, bottom = self.box
        wide, high = math.ceil(share * self.width_px), math.ceil(share * self.height_px)
        box = (max(0, left - wide), max(0, top - high), min(width_px, right + wide), min(height_px, bottom + high))
        out = tuple(abs(new - old) for new, old in zip(box, self.box, strict=True))
        steps = ((out[0], out[1]), (out[2], out[1]), (out[2], out[3]), (out[0], out[3]))
        corners = tuple(_moved(cut, step) for cut, step in zip(self.corners_px, steps, strict=True))
        return replace(self, box=box, corners_px=corners)

    def mask(self, width_px: int, height_px: int) -> Flags:
        """Return where a frame of that size shows the view, [height_px, width_px] bool."""
        return self.holds(np.arange(width_px)[None, :] + 0.5, np.arange(height_px)[:, None] + 0.5)

    def holds(self, x: Places, y: Places) -> Flags:
        """Return which places lie in the view.

        Args:
            x: places along the width, in the frame's own pixels; a pixel's centre is at its index plus one half.
            y: places along the height; both broadcast.
        """
        left, top, right, bottom = self.box
        inside: Flags = (x > left) & (x < right) & (y > top) & (y < bottom)
        if self.circle_px is not None:
            centre_x, centre_y, radius = self.circle_px
            inside = inside & ((x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius**2)
        sides = ((x - left, y - top), (right - x, y - top), (right - x, bottom - y), (x - left, bottom - y))
        for (along_x, along_y), (cut_x, cut_y) in zip(sides, self.corners_px, strict=True):
            if cut_x > 0 and cut_y > 0:
                inside = inside & (along_x / cut_x + along_y / cut_y >= 1)
        return inside


def _moved(cut: Cut, step: tuple[int, int]) -> Cut:
    """Return how much the line of a cut takes off a corner that lies farther out."""
    if min(cut) <= 0:
        return cut
    longer = 1 + step[0] / cut[0] + step[1] / cut[1]
    return cut[0] * longer, cut[1] * longer


def whole(width_px: int, height_px: int) -> View:
    """Return the view that takes a frame's whole area."""
    return View((0, 0, width_px, height_px), Kind.FULL)
