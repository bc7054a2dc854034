"""Frames at their own sizes, and the pixels that a mask gets right there; what outlines need stands in `score`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcdrl.artifacts.frames import thresholded, to_native
from mcdrl.metrics.counts import Bools, Counts, count

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Native:
    """A frame as it was before it was brought to working size.

    Attributes:
        truth: [H, W] bool, the lesion.
        crop_px: left, top, right, bottom of what the working square shows, in the frame's own pixels.
        judged: [H, W] bool, the pixels that count; None: all of them.
    """

    truth: Bools
    crop_px: tuple[int, int, int, int]
    judged: Bools | None = None

    @property
    def view_px(self) -> int:
        """Pixels that the working square shows."""
        left, top, right, bottom = self.crop_px
        return (right - left) * (bottom - top)

    def unsquashed(self, size_px: int) -> tuple[int, int]:
        """Return width and height, px, of the view in its own shape with as many pixels as a square of this side."""
        left, top, right, bottom = self.crop_px
        stretch = math.sqrt((right - left) / (bottom - top))
        return max(round(size_px * stretch), 1), max(round(size_px / stretch), 1)


def native_counts(probability: Floats, native: Sequence[Native], threshold: float) -> Counts:
    """Count the pixels of B frames at their own sizes; what the crop left out is called background.

    Args:
        probability: [B, S, S] float32, of lesion, 0..1.
        native: the B frames.
        threshold: probability from which a pixel is lesion, after the probability is enlarged.
    """
    each = [_count(square, frame, threshold) for square, frame in zip(probability, native, strict=True)]
    return Counts(*(np.concatenate([vars(one)[name] for one in each]) for name in ("tp", "fp", "fn", "tn")))


def enlarged(probability: Floats, frame: Native) -> Floats:
    """Return a frame's probabilities at its own size, [H, W] float32."""
    height_px, width_px = frame.truth.shape
    return to_native(probability, frame.crop_px, width_px, height_px)


def _count(probability: Floats, frame: Native, threshold: float) -> Counts:
    predicted = thresholded(enlarged(probability, frame), frame.crop_px, threshold)
    return count(predicted[None], frame.truth[None], None if frame.judged is None else frame.judged[None])
