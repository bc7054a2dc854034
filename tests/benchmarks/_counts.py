"""What a map finds of a frame's lesions."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcdrl.artifacts.frames import judged_of, lesion_of, to_native
from mcdrl.metrics.counts import count, dice
from mcdrl.metrics.detection import match
from mcdrl.view import Box

CROP = ["crop_left_px", "crop_top_px", "crop_right_px", "crop_bottom_px"]  # of geometry.parquet, as a box
Array = np.ndarray[Any, np.dtype[Any]]


def counted(lesion: Array, box: Box, mask: Array) -> dict[str, float | int]:
    """Return Dice, how many lesions there are and are found, and how many components hit none.

    Args:
        lesion: [S, S], the probability of lesion in what the model saw.
        box: left, top, right, bottom of that, in the frame's own pixels.
        mask: [H, W], the frame's own.
    """
    height, width = mask.shape
    p, truth, judged = to_native(lesion.astype(np.float32), box, width, height), lesion_of(mask), judged_of(mask)
    hit = match(p, (p >= 0.5) & judged, truth)
    value = float(dice(count(p[None] >= 0.5, truth[None], judged[None]))[0])
    found, false = int(hit.hits.any(axis=0).sum()), int(hit.false.sum())
    return {"dice": value, "lesions": hit.iou.shape[1], "found": found, "false": false}
