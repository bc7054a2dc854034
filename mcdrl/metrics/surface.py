"""Distances between outlines, in pixels at working size.

An outline is the pixels of a mask with a 4-neighbour outside it (outside the frame counts as outside), as in MONAI,
whose `compute_surface_dice` and `compute_hausdorff_distance` these two agree with; they are written out because
importing MONAI costs every short process five seconds.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from mcdrl.metrics.counts import Bools, Floats


def surface_scores(predicted: Bools, truth: Bools, tolerance_px: float) -> tuple[float, float]:
    """Return the normalised surface distance (NSD) and the 95th percentile Hausdorff distance (HD95).

    Args:
        predicted: [S, S] bool.
        truth: [S, S] bool.
        tolerance_px: outline pixels at most this far from the other outline count as right.

    Returns:
        NSD in 0..1 and HD95 in px. No lesion in the truth: both NaN. A lesion and nothing predicted: NSD 0 and HD95
        infinite.
    """
    if not truth.any():
        return float("nan"), float("nan")
    if not predicted.any():
        return 0.0, float("inf")
    outline, target = _crop(predicted, truth)
    there = _distances(outline, target)
    back = _distances(target, outline)
    right = np.count_nonzero(there <= tolerance_px) + np.count_nonzero(back <= tolerance_px)
    nsd = right / (len(there) + len(back))
    return nsd, float(max(np.percentile(there, 95), np.percentile(back, 95)))


def _crop(predicted: Bools, truth: Bools) -> tuple[Bools, Bools]:
    """Return both outlines inside the box around the two masks: distances stay the same and cost less."""
    union = predicted | truth
    rows, columns = np.flatnonzero(union.any(axis=1)), np.flatnonzero(union.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return _outline(predicted[box]), _outline(truth[box])


def _outline(mask: Bools) -> Bools:
    edge: Bools = mask & ~binary_erosion(mask)
    return edge


def _distances(outline: Bools, other: Bools) -> Floats:
    """Return the distance of every pixel of one outline to the other outline, [n] px."""
    distance: Floats = distance_transform_edt(~other)[outline]
    return distance
