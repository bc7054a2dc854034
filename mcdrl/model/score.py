"""Probabilities and masks -> a row of counts and scores a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from mcdrl.artifacts.frames import thresholded
from mcdrl.metrics.counts import Bools
from mcdrl.metrics.detection import Match, match
from mcdrl.metrics.registry import scores
from mcdrl.metrics.surface import MaskPair
from mcdrl.model.native import Floats, Native, enlarged, native_counts


def to_bytes(probability: NDArray[Any]) -> NDArray[np.uint8]:
    """Return probabilities 0..1 as whole numbers 0..255, which is how they are stored."""
    stored: NDArray[np.uint8] = np.rint(np.clip(probability, 0.0, 1.0) * 255.0).astype(np.uint8)
    return stored


def score(probability: Floats, native: Sequence[Native], threshold: float, tolerance_px: float) -> pd.DataFrame:
    """Score B frames: pixels at the frames' own sizes, outlines at working size, unsquashed.

    A view that isn't square is squashed for the network: a pixel of the square is then wider or higher than another
    camera's, and the same error along the outline longer one way than the other. So outlines are taken in the view's
    own shape, of as many pixels as the square has; a square view stays as it is. Where nobody judged, they see no
    lesion in truth and prediction alike.

    Args:
        probability: [B, S, S] float32, of lesion, 0..1.
        native: the B frames at their own sizes.
        threshold: probability from which a pixel is lesion, after the probability is enlarged or reduced.
        tolerance_px: of the NSD.

    Returns:
        B rows: tp, fp, fn, tn and the metrics of `FRAME_METRICS`. Undefined and infinite scores are null.
    """
    counts = native_counts(probability, native, threshold)
    each = zip(probability, native, strict=True)
    masks = [_outlined(square, frame, threshold, tolerance_px) for square, frame in each]
    return pd.DataFrame({**vars(counts), **scores(counts, masks)})


def matches(probability: Floats, native: Sequence[Native], threshold: float) -> Iterator[Match]:
    """Yield, frame by frame at their own sizes, what is called against the lesions.

    Args:
        probability: [B, S, S] float32, of lesion, 0..1.
        native: the B frames.
        threshold: probability from which a pixel is lesion, after the probability is enlarged.
    """
    for square, frame in zip(probability, native, strict=True):
        found = enlarged(square, frame)
        yield match(found, thresholded(found, frame.crop_px, threshold), frame.truth, frame.judged)


def _outlined(probability: Floats, frame: Native, threshold: float, tolerance_px: float) -> MaskPair:
    """Return the masks whose outlines are compared, of the view in its own shape."""
    size = frame.unsquashed(len(probability))
    found = np.asarray(Image.fromarray(probability).resize(size, Image.Resampling.BILINEAR)) >= threshold
    judged = True if frame.judged is None else _reduced(frame.judged, frame.crop_px, size)
    return MaskPair(found & judged, _reduced(frame.truth, frame.crop_px, size), tolerance_px)


def _reduced(mask: Bools, crop_px: tuple[int, int, int, int], size: tuple[int, int]) -> Bools:
    """Return what of a frame's mask is looked at, brought to a size as the masks of working size are."""
    labels = Image.fromarray(mask.view(np.uint8))
    return np.asarray(labels.resize(size, Image.Resampling.NEAREST, crop_px)).astype(bool)
