"""What a map finds of a frame's lesions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.artifacts.frames import judged_of, lesion_of, to_native
from mcdrl.metrics.counts import count, dice
from mcdrl.metrics.detection import Match, match
from mcdrl.view import Box

CROP = ["crop_left_px", "crop_top_px", "crop_right_px", "crop_bottom_px"]  # of geometry.parquet, as a box
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Counts:
    """What a map finds of a frame.

    Attributes:
        dice: 0..1; NaN: the frame has no lesion.
        match: what is called from one half on, against the lesions.
        frame_px: all pixels of the frame.
    """

    dice: float
    match: Match
    frame_px: int

    def row(self) -> dict[str, float | int]:
        """Return Dice, how many lesions there are and are found, and how many components hit none."""
        found, false = int(self.match.hits.any(axis=0).sum()), int(self.match.false.sum())
        return {"dice": self.dice, "lesions": self.match.iou.shape[1], "found": found, "false": false}

    def findings(self) -> Iterator[dict[str, str | float]]:
        """Yield the highest score of each lesion (NaN: missed), then score and share of the frame of what hits none."""
        for score in self.match.found_at:
            yield {"kind": "lesion", "score": float(score), "area_share": np.nan}
        for score, area in zip(self.match.score[self.match.false], self.match.area_px[self.match.false], strict=True):
            yield {"kind": "false", "score": float(score), "area_share": float(area / self.frame_px)}


def at_working_size(mask: Array, side: tuple[int, int], box: Box) -> Array:
    """Return a frame's own mask, [H, W] uint8, as `ingest` squashes it: what a box shows of it, [S, S]."""
    return np.asarray(Image.fromarray(mask).resize(side, Image.Resampling.NEAREST, box))


def counted(lesion: Array, box: Box, mask: Array) -> Counts:
    """Count what is found.

    Args:
        lesion: [S, S], the probability of lesion in what the model saw.
        box: left, top, right, bottom of that, in the frame's own pixels.
        mask: [H, W], the frame's own.
    """
    height, width = mask.shape
    p, truth, judged = to_native(lesion.astype(np.float32), box, width, height), lesion_of(mask), judged_of(mask)
    value = float(dice(count(p[None] >= 0.5, truth[None], judged[None]))[0])
    return Counts(value, match(p, p >= 0.5, truth, judged), mask.size)
