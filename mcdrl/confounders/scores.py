"""How much a frame looks like each confounder of the dictionary, for a CLIP model: a zero-shot score.

The cosine of a frame's image feature with a prompt says little by itself, as each prompt has its own level. So it is
told in standard deviations above the mean of the training frames: a score of 2 means that the frame points towards the
prompt as few of those do. It is relative to them: what all training frames show, no frame is seen to have.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

LIMIT = 2.0  # standard deviations above the reference, from which a confounder is seen: a fortieth by chance
_LEAST_STD = 1e-4  # an encoder that gives every frame the same cosine tells nothing
Floats = NDArray[np.floating[Any]]


class ReferenceStatistics(BaseModel):
    """How much the training frames look like each confounder.

    Attributes:
        mean: [M], mean cosine of the frames' image feature with the confounder's prompt.
        std: [M], standard deviation of that, above 0.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    mean: list[Annotated[float, Field(allow_inf_nan=False)]]
    std: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]]


def cosines(image_embeddings: Floats, confounders: Floats) -> NDArray[np.float64]:
    """Return the cosine of each frame's image feature with each prompt, [B, M].

    Args:
        image_embeddings: [B, D], of unit norm or near it.
        confounders: [M, D], likewise.
    """
    embeddings = image_embeddings.astype(np.float64)
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    found: NDArray[np.float64] = embeddings / np.maximum(length, 1e-6) @ confounders.astype(np.float64).T
    return found


def reference_statistics(image_embeddings: Floats, confounders: Floats) -> ReferenceStatistics:
    """Return what the training frames' cosines are like; arguments as for `cosines`, of those frames."""
    found = cosines(image_embeddings, confounders)
    return ReferenceStatistics(mean=found.mean(0).tolist(), std=np.maximum(found.std(0), _LEAST_STD).tolist())


def zero_shot_scores(
    image_embeddings: Floats, confounders: Floats, reference: ReferenceStatistics
) -> NDArray[np.float64]:
    """Return how many standard deviations each frame is above the training frames for each confounder, [B, M].

    Args:
        image_embeddings: [B, D].
        confounders: [M, D], the dictionary.
        reference: of the training frames.
    """
    found: NDArray[np.float64] = (cosines(image_embeddings, confounders) - reference.mean) / reference.std
    return found
