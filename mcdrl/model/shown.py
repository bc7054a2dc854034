"""What a model is shown of a frame, and what its answer means at the frame's own size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.artifacts.frames import thresholded, to_native
from mcdrl.base.view_rule import ViewRule
from mcdrl.imaging.decode import DIM, LARGE, bluish, large, view_of
from mcdrl.view import Box, squash

Array = np.ndarray[Any, np.dtype[Any]]
SWAPPED_BY = "try --channels bgr"
FLAT = "hardly anything to see: nearly all of it has one colour"
SMALL = "a side of less than 32 px, too little to see anything"
_LEAST_PX = 32  # of the shorter side of what is looked at
_ENDS = 0.02, 0.98  # shares of the pixels between which values count: words on a black screen lie outside
_SPREAD = 10  # of 255, between these ends in every channel: what the noise of a camera in the dark stays below
_BLUISH = f"more blue than red; if tissue looks blue, its order is blue, green, red: {SWAPPED_BY}"


@dataclass(frozen=True)
class ShownFrame:
    """What the model is shown of a frame; the frame itself isn't kept, as many of them would fill the memory.

    Attributes:
        size: width and height of the upright frame, px.
        box: left, top, right, bottom of what the model sees, in the frame's own pixels.
        pixels: [S, S, 3] uint8, the box at working size.
        issues: what is odd about the frame; empty: nothing.
        swapped: whether red and blue have changed places.
        dim: as for `show`.
        doubts: likewise, and of the view that was looked for.
    """

    size: tuple[int, int]
    box: Box
    pixels: Array
    issues: str = ""
    swapped: bool = False
    dim: bool = False
    doubts: tuple[str, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether a person should look first, whatever a model says, as it is shown too little or the wrong part."""
        return _flat(self.pixels) or _small(self.box) or self.dim or bool(self.doubts)

    @property
    def area_px(self) -> int:
        """Pixels of the box, in the frame's own."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)

    def lesion(self, raw: Array, threshold: float) -> Array:
        """Return the mask at the frame's own size, [H, W] bool.

        Args:
            raw: [S, S] float32, the probability of lesion at working size, not calibrated, 0..1.
            threshold: of it, from which a pixel is lesion.
        """
        return thresholded(self._enlarged(raw), self.box, threshold)

    def probability(self, calibrated: Array) -> Array:
        """Return calibrated probabilities [S, S] at the frame's own size, [H, W] float32, 0..1."""
        enlarged: Array = self._enlarged(calibrated.astype(np.float32)).clip(0, 1)
        return enlarged

    def _enlarged(self, values: Array) -> Array:
        width, height = self.size
        return to_native(values, self.box, width, height)


def show(
    picture: Image.Image, size_px: int, *, view: ViewRule, dim: bool = False, swapped: bool = False,
    doubts: tuple[str, ...] = (),
) -> ShownFrame:  # fmt: skip
    """Return what the model is shown of a frame.

    Args:
        picture: the frame, upright, RGB.
        size_px: working size S.
        view: what of the frame is looked at.
        dim: whether its file has 16 bits and uses less than half of their range.
        swapped: whether red and blue have changed places.
        doubts: why the view that is given may be the wrong one.
    """
    box, found = view_of(picture, view)
    doubts = (*doubts, *found)
    pixels = squash(picture, size_px, box)
    nothing = [FLAT] * _flat(pixels) + [SMALL] * _small(box)
    issues = [*[LARGE] * large(picture.size), *[DIM] * dim, *doubts, *[_BLUISH] * bluish(pixels), *nothing]
    return ShownFrame(picture.size, box, pixels, "; ".join(issues), swapped, dim, doubts)


def _flat(pixels: Array) -> bool:
    """Return whether a frame [S, S, 3] uint8 has one colour, but for noise and a few pixels."""
    counts = np.reshape(Image.fromarray(pixels).histogram(), (3, 256)).cumsum(axis=1)
    low, high = ((counts > share * counts[:, -1:]).argmax(axis=1) for share in _ENDS)
    return bool((high - low <= _SPREAD).all())


def _small(box: Box) -> bool:
    left, top, right, bottom = box
    return min(right - left, bottom - top) < _LEAST_PX
