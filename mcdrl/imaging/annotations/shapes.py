"""Shapes that annotation tools know, and how they become pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from pycocotools import mask as coco_mask

from mcdrl.imaging.outlines import Bounds, Filled, Size, polygon_area

Point = tuple[float, float]


class Shape(Protocol):
    """Something that covers pixels of a frame."""

    @property
    def bounds(self) -> Bounds:
        """What it lies within."""

    @property
    def area(self) -> float:
        """About how many pixels it covers."""

    def filled(self, size: Size) -> Filled:
        """Return [H, W] bool, true where it is; it may reach out of the frame by the frame's own size at most."""


@dataclass(frozen=True)
class Polygons:
    """The union of polygons that belong to one lesion; a polygon that crosses itself is filled by parity.

    Attributes:
        rings: points of each in px, three different ones at least.
    """

    rings: tuple[tuple[Point, ...], ...]

    @property
    def bounds(self) -> Bounds:
        """The box around all of them."""
        xs, ys = zip(*(point for ring in self.rings for point in ring), strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def area(self) -> float:
        """The sum of their areas."""
        return sum(map(polygon_area, self.rings))

    def filled(self, size: Size) -> Filled:
        """Return them as pycocotools fills them."""
        flat = [[value for point in ring for value in point] for ring in self.rings]
        runs = coco_mask.merge(coco_mask.frPyObjects(flat, size[1], size[0]))
        filled: Filled = coco_mask.decode(runs).astype(bool)
        return filled


@dataclass(frozen=True)
class Shares:
    """Polygons whose coordinates are shares of a frame's width and height."""

    polygons: Polygons

    def at(self, size: Size) -> Polygons:
        """Return them in px."""
        return Polygons(tuple(tuple((x * size[0], y * size[1]) for x, y in ring) for ring in self.polygons.rings))


@dataclass(frozen=True)
class Box:
    """A rectangle along the frame's borders."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def bounds(self) -> Bounds:
        """Itself."""
        return self.left, self.top, self.right, self.bottom

    @property
    def area(self) -> float:
        """Its area."""
        return (self.right - self.left) * (self.bottom - self.top)

    def filled(self, size: Size) -> Filled:
        """Return the pixels whose centres are in it; a centre on its right or lower side is not."""
        filled = np.zeros(size[::-1], bool)
        left, top, right, bottom = (max(0, math.ceil(value - 0.5)) for value in self.bounds)
        filled[top:bottom, left:right] = True
        return filled


@dataclass(frozen=True)
class Ellipse:
    """An ellipse around (x, y) with half axes `rx` and `ry`, turned clockwise by `degrees`."""

    x: float
    y: float
    rx: float
    ry: float
    degrees: float = 0.0

    @property
    def _turn(self) -> tuple[float, float]:
        angle = math.radians(self.degrees)
        return math.cos(angle), math.sin(angle)

    @property
    def bounds(self) -> Bounds:
        """The box around it."""
        cos, sin = self._turn
        half_width, half_height = math.hypot(self.rx * cos, self.ry * sin), math.hypot(self.rx * sin, self.ry * cos)
        return self.x - half_width, self.y - half_height, self.x + half_width, self.y + half_height

    @property
    def area(self) -> float:
        """Its area."""
        return math.pi * self.rx * self.ry

    def filled(self, size: Size) -> Filled:
        """Return the pixels whose centres are in it."""
        cos, sin = self._turn
        dx, dy = np.arange(size[0]) + 0.5 - self.x, np.arange(size[1])[:, None] + 0.5 - self.y
        along, across = dx * cos + dy * sin, dy * cos - dx * sin
        filled: Filled = (along / self.rx) ** 2 + (across / self.ry) ** 2 <= 1
        return filled


@dataclass(frozen=True)
class Bitmap:
    """Pixels of a box, packed until they are needed: a small file can hold many large boxes.

    Attributes:
        left: column of the frame that the box's first one is.
        top: row of the frame that the box's first one is.
        size: the box's width and height.
        unpacked: gives [h, w] bool of that size; raises `RefusedError` where they are damaged.
    """

    left: int
    top: int
    size: Size
    unpacked: Callable[[], Filled]

    @property
    def bounds(self) -> Bounds:
        """The box."""
        return self.left, self.top, self.left + self.size[0], self.top + self.size[1]

    @property
    def area(self) -> float:
        """How many pixels are covered."""
        return int(self.unpacked().sum())

    def filled(self, size: Size) -> Filled:
        """Return them in their frame; those beyond it are cut off."""
        filled = np.zeros(size[::-1], bool)
        left, top, right, bottom = (int(value) for value in self.bounds)
        inside = filled[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        height, width = inside.shape
        inside[:] = self.unpacked()[max(-top, 0) :, max(-left, 0) :][:height, :width]
        return filled


@dataclass(frozen=True)
class RunLengths:
    """A whole frame's pixels, column by column: how many are not covered, then how many are, and so on.

    Attributes:
        counts: run lengths, their sum is the frame's number of pixels.
        size: the frame's width and height.
    """

    counts: tuple[int, ...]
    size: Size

    @property
    def bounds(self) -> Bounds:
        """The frame's own box."""
        return 0, 0, *self.size

    @property
    def area(self) -> float:
        """How many pixels are covered."""
        return sum(self.counts[1::2])

    def filled(self, size: Size) -> Filled:
        """Return the pixels, of a frame of their own size."""
        return unrolled(self.counts).reshape(size).T


def unrolled(counts: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return run lengths as [N] bool, the first run false."""
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts)
