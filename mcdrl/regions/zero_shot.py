"""MTRS: where a frame looks like one of the lesion classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Regions:
    """The target regions of B frames.

    Attributes:
        similarity: [B, H, W] float16, S^, the largest cosine over the classes, less that of the background if there is
            one.
        selected: [B, H, W] bool, the kept places.
        best_class: [B, H, W] uint8, index of the class with the largest cosine; of equal ones the first.
    """

    similarity: Array
    selected: Array
    best_class: Array


def mine(dense: Array, classes: Array, alpha: float, background: Array | None = None) -> Regions:
    """Select the target regions of B frames.

    Args:
        dense: [B, H, W, D] float, joint space; any length along D.
        classes: [K, D] float, class texts in joint space; any length along D.
        alpha: share of the places that is kept, above 0 up to 1.
        background: [D] float, the text of what is no lesion, any length; None: the paper's similarity.
    """
    places = _unit(dense.astype(np.float32))
    cosine = places @ _unit(classes.astype(np.float32)).T
    best = cosine.max(axis=-1)
    if background is not None:
        best = best - places @ _unit(background.astype(np.float32))
    similarity = best.astype(np.float16)
    return Regions(similarity, select(similarity, alpha), cosine.argmax(axis=-1).astype(np.uint8))


def places_kept(height: int, width: int, alpha: float) -> int:
    """Return N = alpha*H*W, rounded, and at least 1."""
    return max(1, round(alpha * height * width))


def select(similarity: Array, alpha: float) -> Array:
    """Return the N places of largest similarity of each frame; of equal ones the first in reading order.

    Args:
        similarity: [B, H, W] float.
        alpha: share of the places that is kept, above 0 up to 1.

    Returns:
        [B, H, W] bool, exactly N of them True in each frame.
    """
    frames, height, width = similarity.shape
    flat = similarity.reshape(frames, height * width)
    order = np.argsort(-flat, axis=1, kind="stable")
    selected = np.zeros(flat.shape, dtype=bool)
    np.put_along_axis(selected, order[:, : places_kept(height, width, alpha)], True, axis=1)
    return selected.reshape(similarity.shape)


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Array = vectors / np.maximum(length, 1e-6)
    return unit
