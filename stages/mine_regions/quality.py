"""How well the mined regions meet the lesions, against chance and against the inverted map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def lesion_area(mask: Array, height: int, width: int) -> Array:
    """Return the lesion area of every place of the grid, in pixels of the mask.

    A pixel on the border of two places counts for both by its overlap, so nothing is lost where S is no multiple of H.

    Args:
        mask: [B, S, S] uint8, 1 where the lesion is.
        height: H, rows of the grid.
        width: W, columns of the grid.

    Returns:
        [B, H, W] float64.
    """
    rows, columns = _overlap(mask.shape[1], height), _overlap(mask.shape[2], width)
    flat = mask.reshape(-1, mask.shape[2]).astype(np.float64)
    # One large product: many small ones keep BLAS threads busy with waiting.
    strips = (flat @ columns.T).reshape(*mask.shape[:2], width)
    area: Array = rows @ strips
    return area


def recall(area: Array, selected: Array) -> Array:
    """Return the share of each frame's lesion area inside its selected places, [B] float64.

    Args:
        area: [B, H, W] lesion area, above 0 somewhere in each frame.
        selected: [B, H, W] bool.
    """
    inside: Array = (area * selected).sum(axis=(1, 2)) / area.sum(axis=(1, 2))
    return inside


def lesion_places(area: Array, place_px: float) -> Array:
    """Return the places that count as lesion: more than half covered, else the frame's fullest one.

    Args:
        area: [B, H, W] lesion area in pixels, above 0 somewhere in each frame.
        place_px: area of one place in pixels.

    Returns:
        [B, H, W] bool, at least one True in each frame.
    """
    flat = area.reshape(len(area), area.shape[1] * area.shape[2])
    places = flat > 0.5 * place_px
    small = np.flatnonzero(~places.any(axis=1))
    places[small, flat[small].argmax(axis=1)] = True
    return places.reshape(area.shape)


def auroc(score: Array, positive: Array) -> float | None:
    """Return the probability that a positive place scores above a negative one, equal scores counting half.

    Args:
        score: [n] float.
        positive: [n] bool.

    Returns:
        0..1, or None if all places are positive or all are negative.
    """
    n_positive = int(positive.sum())
    n_negative = positive.size - n_positive
    if n_positive == 0 or n_negative == 0:
        return None
    ordered = np.sort(score)
    first, last = np.searchsorted(ordered, score, "left"), np.searchsorted(ordered, score, "right")
    mean_rank = (first + last + 1) / 2
    wins = mean_rank[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None of nothing."""
    return float(np.mean(values)) if len(values) else None


def _overlap(pixels: int, places: int) -> Array:
    """Return how much of each pixel lies in each place along one axis, [places, pixels] float64 in 0..1."""
    edges = np.arange(places + 1) * pixels / places
    starts = np.arange(pixels)
    low = np.maximum(edges[:-1, None], starts)
    high = np.minimum(edges[1:, None], starts + 1)
    overlap: Array = np.clip(high - low, 0, None)
    return overlap
