"""How well the mined regions meet the lesions, against chance and against the inverted map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.metrics.auroc import auroc

Array = np.ndarray[Any, np.dtype[Any]]
SCORES = ("recall", "recall_random", "auroc", "auroc_inverted")  # of `Quality.row`


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


def lesion_places(area: Array, place_px: float | Array) -> Array:
    """Return the places that count as lesion: more than half covered, else the frame's fullest one.

    Args:
        area: [B, H, W] lesion area in pixels, above 0 somewhere in each frame.
        place_px: area of one place in pixels, or [B, H, W], what of it is judged.

    Returns:
        [B, H, W] bool, at least one True in each frame.
    """
    flat = area.reshape(len(area), area.shape[1] * area.shape[2])
    places = ((area > 0.5 * np.asarray(place_px)) & (area > 0)).reshape(flat.shape)
    small = np.flatnonzero(~places.any(axis=1))
    places[small, flat[small].argmax(axis=1)] = True
    return places.reshape(area.shape)


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, or None of nothing."""
    return float(np.mean(values)) if len(values) else None


class Quality:
    """Gathers the quality of the regions over the frames that have a lesion.

    A frame's recall is the share of its lesion area, at working size, inside the selected places; that of places drawn
    at random is N/(H*W), exactly. A frame's AUROC takes S^ as the score of its lesion places; frames that are all
    lesion have none and are left out of the mean, as are places of which nobody judged the larger part.
    """

    def __init__(self) -> None:
        """Start with no frame."""
        self._recall: list[float] = []
        self._random: list[float] = []
        self._auroc: list[float] = []
        self._inverted: list[float] = []

    def add(self, similarity: Array, selected: Array, mask: Array, judged: Array | None = None) -> None:
        """Take B frames.

        Args:
            similarity: [B, H, W] float, S^ or what stands for it.
            selected: [B, H, W] bool, the kept places.
            mask: [B, S, S] bool or uint8.
            judged: [B, S, S] bool, the pixels that somebody judged; None: all of them.
        """
        lesion = mask.any(axis=(1, 2))
        height, width = similarity.shape[1:]
        ignored = np.zeros_like(mask[lesion]) if judged is None else ~judged[lesion]
        area = lesion_area(mask[lesion], height, width)
        place_px = mask.shape[1] * mask.shape[2] / (height * width)
        judged_px = place_px - lesion_area(ignored, height, width)
        self._recall += recall(area, selected[lesion]).tolist()
        self._random += selected[lesion].mean(axis=(1, 2)).tolist()
        places = lesion_places(area, judged_px)
        counts = places | (judged_px > 0.5 * place_px)
        for score, positive, told in zip(similarity[lesion], places, counts, strict=True):
            self._add_auroc(score[told].astype(np.float32), positive[told])

    def _add_auroc(self, score: Array, positive: Array) -> None:
        if positive.any() and not positive.all():
            self._auroc.append(float(auroc(score, positive)[0]))
            self._inverted.append(float(auroc(-score, positive)[0]))

    def row(self) -> dict[str, Any]:
        """Return means over frames, None where no frame has a value, and the number of frames with a lesion."""
        return {
            "recall": mean(self._recall),
            "recall_random": mean(self._random),
            "auroc": mean(self._auroc),
            "auroc_inverted": mean(self._inverted),
            "n_frames": len(self._recall),
        }


def quality_table(row: dict[str, Any]) -> pd.DataFrame:
    """Return `Quality.row` with the names that belong to it as a table; None becomes a null."""
    return pd.DataFrame([row]).astype(dict.fromkeys(SCORES, "float64"))


def _overlap(pixels: int, places: int) -> Array:
    """Return how much of each pixel lies in each place along one axis, [places, pixels] float64 in 0..1."""
    edges = np.arange(places + 1) * pixels / places
    starts = np.arange(pixels)
    low = np.maximum(edges[:-1, None], starts)
    high = np.minimum(edges[1:, None], starts + 1)
    overlap: Array = np.clip(high - low, 0, None)
    return overlap
