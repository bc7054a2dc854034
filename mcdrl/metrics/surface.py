"""Distances between outlines, in pixels at working size: of the view in its own shape, see `mcdrl.model.score`.

An outline is the pixels of a mask with a 4-neighbour outside it (outside the frame counts as outside), as in MONAI,
whose `compute_surface_dice` and `compute_hausdorff_distance` these two agree with; they are written out because
importing MONAI costs every short process five seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # its parts load where they are used: the names of metrics alone need none

from mcdrl.metrics.boxes import box_around
from mcdrl.metrics.counts import Bools, Floats


@dataclass(frozen=True)
class MaskPair:
    """A frame's two masks, and what metrics of their outlines share, worked out once.

    Attributes:
        predicted: [h, w] bool; its pixels are as wide as they are high.
        truth: [h, w] bool.
        tolerance_px: outline pixels at most this far from the other outline count as right.
    """

    predicted: Bools
    truth: Bools
    tolerance_px: float

    @cached_property
    def distances(self) -> tuple[Floats, Floats]:
        """How far each pixel of the predicted outline is from the true one, and the other way round, [n] px each.

        Both masks must hold something.
        """
        outline, target = _crop(self.predicted, self.truth)
        return _distances(outline, target), _distances(target, outline)


def nsd(masks: MaskPair) -> float:
    """Return the normalised surface distance, 0..1: the share of both outlines that lies within the tolerance.

    NaN without a lesion in the truth, 0 without a prediction.
    """
    if not masks.truth.any():
        return float("nan")
    if not masks.predicted.any():
        return 0.0
    there, back = masks.distances
    right = np.count_nonzero(there <= masks.tolerance_px) + np.count_nonzero(back <= masks.tolerance_px)
    return right / (len(there) + len(back))


def hd95_px(masks: MaskPair) -> float:
    """Return the Hausdorff distance's 95th percentile; NaN without a true lesion, infinite without prediction."""
    if not masks.truth.any():
        return float("nan")
    if not masks.predicted.any():
        return float("inf")
    return float(max(np.percentile(distance, 95) for distance in masks.distances))


def _crop(predicted: Bools, truth: Bools) -> tuple[Bools, Bools]:
    """Return both outlines inside the box around the two masks: distances stay the same and cost less."""
    box = box_around(predicted | truth)
    return _outline(predicted[box]), _outline(truth[box])


def _outline(mask: Bools) -> Bools:
    edge: Bools = mask & ~scipy.ndimage.binary_erosion(mask)
    return edge


def _distances(outline: Bools, other: Bools) -> Floats:
    """Return the distance of every pixel of one outline to the other outline, [n] px."""
    distance: Floats = scipy.ndimage.distance_transform_edt(~other)[outline]
    return distance
