"""How much a frame looks like each confounder of the dictionary, for a CLIP model: a zero-shot score.

The cosine of a frame's image feature with a prompt says little by itself, as each prompt has its own level. So it is
told in standard deviations above the mean of the training frames: a score of 2 means that the frame points towards the
prompt as few of those do. It is relative to them: what all training frames show, no frame is seen to have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMIT = 2.0  # standard deviations above the usual, from which a confounder counts as seen
_LEAST_STD = 1e-4  # an encoder that gives every frame the same cosine tells nothing
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class UsualScores:
    """Mean and standard deviation of the training frames' cosines, each [M]."""

    mean: list[float]
    std: list[float]


def cosines(images: Floats, confounders: Floats) -> NDArray[np.float64]:
    """Return the cosine of each image feature with each prompt, [B, M].

    Args:
        images: [B, D], of unit norm or near it.
        confounders: [M, D], likewise.
    """
    length = np.linalg.norm(images.astype(np.float64), axis=1, keepdims=True)
    found: NDArray[np.float64] = images.astype(np.float64) / np.maximum(length, 1e-6) @ confounders.astype(np.float64).T
    return found


def usual_scores(images: Floats, confounders: Floats) -> UsualScores:
    """Return what is usual, from the image features of the training frames; arguments as for `cosines`."""
    found = cosines(images, confounders)
    return UsualScores(found.mean(0).tolist(), np.maximum(found.std(0), _LEAST_STD).tolist())


def looks(images: Floats, confounders: Floats, mean: Floats, std: Floats) -> NDArray[np.float64]:
    """Return how many standard deviations each frame is above the usual for each confounder, [B, M].

    Args:
        images: [B, D], image features.
        confounders: [M, D], the dictionary.
        mean: [M], as in `UsualScores`.
        std: [M], likewise.
    """
    found: NDArray[np.float64] = (cosines(images, confounders) - mean) / std
    return found
