"""Pixel counts a frame and the scores that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Pixels of B frames by truth and prediction.

    Attributes:
        tp: [B] int64, lesion that was found.
        fp: [B] int64, background that was called lesion.
        fn: [B] int64, lesion that was missed.
        tn: [B] int64, background left alone.
    """

    tp: Ints
    fp: Ints
    fn: Ints
    tn: Ints


def count(predicted: Bools, truth: Bools, judged: Bools | None = None) -> Counts:
    """Count the pixels of B frames.

    Args:
        predicted: [B, S, S] bool.
        truth: [B, S, S] bool.
        judged: [B, S, S] bool, the pixels that count; None: all of them.

    Raises:
        ValueError: the shapes differ or the arrays aren't bool.
    """
    if predicted.shape != truth.shape or predicted.dtype != bool or truth.dtype != bool:
        raise ValueError(f"expected two bool arrays of one shape, got {predicted.shape} and {truth.shape}")
    where = np.ones_like(truth) if judged is None else judged
    return Counts(
        tp=_pixels(predicted & truth & where),
        fp=_pixels(predicted & ~truth & where),
        fn=_pixels(~predicted & truth & where),
        tn=_pixels(~predicted & ~truth & where),
    )


def dice(counts: Counts) -> Floats:
    """Return 2 tp / (2 tp + fp + fn), [B] in 0..1; NaN on frames without a lesion."""
    return _ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn, has_lesion(counts))


def iou(counts: Counts) -> Floats:
    """Return tp / (tp + fp + fn), [B] in 0..1; NaN on frames without a lesion."""
    return _ratio(counts.tp, counts.tp + counts.fp + counts.fn, has_lesion(counts))


def accuracy(counts: Counts) -> Floats:
    """Return the share of pixels that are right, [B] in 0..1; defined on every frame with a pixel that counts."""
    total = counts.tp + counts.fp + counts.fn + counts.tn
    return _ratio(counts.tp + counts.tn, total, total > 0)


def has_lesion(counts: Counts) -> Bools:
    """Return which frames have a lesion in the truth, [B] bool."""
    return np.asarray(counts.tp + counts.fn > 0)


def _pixels(where: Bools) -> Ints:
    total: Ints = where.reshape(len(where), -1).sum(axis=1, dtype=np.int64)
    return total


def _ratio(part: Ints, whole: Ints, defined: Any) -> Floats:
    out: Floats = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=out, where=np.asarray(defined))
    return out
