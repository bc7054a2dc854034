"""Probabilities and masks -> a row of counts and scores a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.metrics.counts import Bools, accuracy, count, dice, iou
from stages.core.metrics.surface import surface_scores

Bytes = NDArray[np.uint8]


def to_bytes(probability: NDArray[Any]) -> Bytes:
    """Return probabilities 0..1 as whole numbers 0..255, which is how they are stored."""
    stored: Bytes = np.rint(np.clip(probability, 0.0, 1.0) * 255.0).astype(np.uint8)
    return stored


def binarise(probability: Bytes, threshold: float) -> Bools:
    """Return where a stored probability (0..255) reaches the threshold (0..1)."""
    lesion: Bools = probability >= threshold * 255.0
    return lesion


def score(probability: Bytes, truth: Bools, threshold: float, tolerance_px: float) -> pd.DataFrame:
    """Score B frames.

    Args:
        probability: [B, S, S] uint8, 0..255 for 0..1.
        truth: [B, S, S] bool.
        threshold: probability from which a pixel is lesion.
        tolerance_px: of the NSD.

    Returns:
        B rows: tp, fp, fn, tn, dice, iou, accuracy, nsd, hd95_px. Undefined and infinite scores are null.
    """
    predicted = binarise(probability, threshold)
    counts = count(predicted, truth)
    surface = [surface_scores(p, t, tolerance_px) for p, t in zip(predicted, truth, strict=True)]
    nsd, hd95_px = np.array(surface, dtype=np.float64).T
    return pd.DataFrame(
        {
            "tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn,
            "dice": dice(counts), "iou": iou(counts), "accuracy": accuracy(counts),
            "nsd": nsd, "hd95_px": np.where(np.isfinite(hd95_px), hd95_px, np.nan),
        }
    )  # fmt: skip
