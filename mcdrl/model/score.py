"""Probabilities and masks -> a row of counts and scores a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mcdrl.artifacts.frames import thresholded, to_native
from mcdrl.metrics.counts import Bools, Counts, count
from mcdrl.metrics.detection import Match, match
from mcdrl.metrics.registry import scores
from mcdrl.metrics.surface import MaskPair

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


def to_bytes(probability: NDArray[Any]) -> NDArray[np.uint8]:
    """Return probabilities 0..1 as whole numbers 0..255, which is how they are stored."""
    stored: NDArray[np.uint8] = np.rint(np.clip(probability, 0.0, 1.0) * 255.0).astype(np.uint8)
    return stored


def score(
    probability: Floats, truth: Bools, native: Sequence[Native], threshold: float, tolerance_px: float,
    judged: Bools | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Score B frames: pixels at the frames' own sizes, outlines at working size.

    Where nobody judged, outlines see no lesion in truth and prediction alike.

    Args:
        probability: [B, S, S] float32, of lesion, 0..1.
        truth: [B, S, S] bool.
        native: the B frames at their own sizes.
        threshold: probability from which a pixel is lesion, after the probability is enlarged.
        tolerance_px: of the NSD.
        judged: [B, S, S] bool, the pixels that count; None: all of them.

    Returns:
        B rows: tp, fp, fn, tn and the metrics of `FRAME_METRICS`. Undefined and infinite scores are null.
    """
    counts = native_counts(probability, native, threshold)
    found = (probability >= threshold) & (True if judged is None else judged)
    masks = [MaskPair(one, other, tolerance_px) for one, other in zip(found, truth, strict=True)]
    return pd.DataFrame({**vars(counts), **scores(counts, masks)})


def native_counts(probability: Floats, native: Sequence[Native], threshold: float) -> Counts:
    """Count the pixels of B frames at their own sizes; what the crop left out is called background.

    Args:
        probability: [B, S, S] float32, of lesion, 0..1.
        native: the B frames.
        threshold: probability from which a pixel is lesion, after the probability is enlarged.
    """
    each = [_count(square, frame, threshold) for square, frame in zip(probability, native, strict=True)]
    return Counts(*(np.concatenate([vars(one)[name] for one in each]) for name in ("tp", "fp", "fn", "tn")))


def matches(probability: Floats, native: Sequence[Native], threshold: float) -> Iterator[Match]:
    """Yield, frame by frame at their own sizes, what is called against the lesions.

    Args:
        probability: [B, S, S] float32, of lesion, 0..1.
        native: the B frames.
        threshold: probability from which a pixel is lesion, after the probability is enlarged.
    """
    for square, frame in zip(probability, native, strict=True):
        enlarged = _enlarged(square, frame)
        yield match(enlarged, thresholded(enlarged, frame.crop_px, threshold), frame.truth, frame.judged)


def _count(probability: Floats, frame: Native, threshold: float) -> Counts:
    predicted = thresholded(_enlarged(probability, frame), frame.crop_px, threshold)
    return count(predicted[None], frame.truth[None], None if frame.judged is None else frame.judged[None])


def _enlarged(probability: Floats, frame: Native) -> Floats:
    """Return a frame's probabilities at its own size, [H, W] float32."""
    height_px, width_px = frame.truth.shape
    return to_native(probability, frame.crop_px, width_px, height_px)
