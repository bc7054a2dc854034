"""The area under the ROC curve; of whole frames, of places of a grid, of whatever has a score. It takes numpy alone."""

from __future__ import annotations

import numpy as np

from mcdrl.metrics.counts import Bools, Floats, Ints


def auroc(scores: Floats, positive: Bools, weights: Ints | None = None) -> Floats:
    """Return the chance that what has a lesion has the higher score, ties counting half.

    Args:
        scores: [n] float.
        positive: [n] bool, which have a lesion.
        weights: [W, n] int64, how often each counts; None: once each.

    Returns:
        [W] float, 0..1; NaN where one of the two kinds has no weight.
    """
    order = np.argsort(scores, kind="stable")
    ranked, lesion = scores[order], positive[order]
    weight = (np.ones((1, len(scores)), np.int64) if weights is None else weights)[:, order]
    without = np.concatenate([np.zeros((len(weight), 1), np.int64), np.cumsum(weight * ~lesion, axis=1)], axis=1)
    below = without[:, np.searchsorted(ranked, ranked)] + without[:, np.searchsorted(ranked, ranked, "right")]
    won = (weight * lesion * below).sum(axis=1) / 2
    pairs = (weight * lesion).sum(axis=1) * without[:, -1]
    found: Floats = np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
    return found
