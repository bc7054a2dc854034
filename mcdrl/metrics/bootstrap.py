"""Intervals of means over frames that come in groups (sequences, patients): whole groups are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcdrl.metrics.counts import Floats

Groups = NDArray[Any]
CELLS_AT_ONCE = 2_000_000  # draws times what each is of, so that memory doesn't grow with either


def mean_draws(values: Floats, groups: Groups, draws: int, rng: np.random.Generator) -> Floats:
    """Return the means of bootstrap samples that draw as many groups as there are, with replacement.

    Args:
        values: [n] float, finite, one a frame.
        groups: [n], the group of each frame.
        draws: number of samples.
        rng: where the samples come from.

    Returns:
        [draws] float: the mean over the frames of each sample. One group alone gives a constant.

    Raises:
        ValueError: there is no frame, or a value isn't finite.
    """
    if len(values) == 0 or not np.isfinite(values).all():
        raise ValueError("expected at least one frame and finite values")
    _, member = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(member, weights=values), np.bincount(member)
    n = len(sums)
    step = max(1, CELLS_AT_ONCE // n)
    parts = []
    for start in range(0, draws, step):
        drawn = rng.integers(0, n, size=(min(step, draws - start), n))
        parts.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    return np.concatenate(parts)


def interval(samples: Floats, level: float) -> tuple[float, float]:
    """Return the percentile interval of bootstrap samples, such as the middle 95 %."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
