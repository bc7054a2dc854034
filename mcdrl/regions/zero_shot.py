"""MTRS: where a frame looks like one of the lesion classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
SHARPNESS = 2.0  # of the softmax by which feature surgery weighs the texts, as published


@dataclass(frozen=True)
class Regions:
    """The target regions of B frames.

    Attributes:
        similarity: [B, H, W] float16, S^, the largest cosine over the classes, less that of the background if there is
            one; by feature surgery the largest of what it leaves of the classes' cosines.
        selected: [B, H, W] bool, the kept places.
        best_class: [B, H, W] uint8, index of the class that this is of; of equal ones the first.
    """

    similarity: Array
    selected: Array
    best_class: Array


def mine(
    dense: Array, classes: Array, alpha: float, background: Array | None = None, image: Array | None = None
) -> Regions:
    """Select the target regions of B frames.

    Args:
        dense: [B, H, W, D] float, joint space; any length along D.
        classes: [K, D] float, class texts in joint space; any length along D.
        alpha: share of the places that is kept, above 0 up to 1.
        background: [D] float, the text of what is no lesion, any length; None: the paper's similarity.
        image: [B, D] float, the frames as a whole, any length: feature surgery weighs the texts by them; None: cosines.
    """
    places, texts = _unit(dense.astype(np.float32)), _unit(classes.astype(np.float32))
    other = None if background is None else _unit(background.astype(np.float32))
    if image is not None:
        every = texts if other is None else np.vstack([texts, other])
        told = feature_surgery(places, every, _unit(image.astype(np.float32)))[..., : len(texts)]
        best = told.max(axis=-1)
    else:
        told = places @ texts.T
        best = told.max(axis=-1) if other is None else told.max(axis=-1) - places @ other
    similarity = best.astype(np.float16)
    return Regions(similarity, select(similarity, alpha), told.argmax(axis=-1).astype(np.uint8))


def feature_surgery(places: Array, texts: Array, image: Array) -> Array:
    """Return what is left of the cosines of places and texts without what all texts have in common, [B, H, W, T].

    CLIP Surgery (arXiv 2304.05653): the features of a place and of a text are multiplied element by element and weighed
    by the softmax of twice the text's cosine with the whole frame, over its mean; what they are in the mean over the
    texts is redundant and subtracted; the sum over the elements is the similarity. Summed first, as here, it is the
    same: w_t cos_t less the mean of w_t cos_t over the texts.

    Args:
        places: [B, H, W, D] float, unit length.
        texts: [T, D] float, unit length, two or more: of one alone nothing is left.
        image: [B, D] float, the whole frames, unit length.
    """
    likeness = np.exp(SHARPNESS * (image @ texts.T))  # [B, T]
    weight = likeness / likeness.mean(axis=1, keepdims=True)
    weighed = (places @ texts.T) * weight[:, None, None]
    left: Array = weighed - weighed.mean(axis=-1, keepdims=True)
    return left


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
