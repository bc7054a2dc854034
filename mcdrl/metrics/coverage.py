"""Risk and coverage: what is gained if the least confident frames are left to a human (El-Yaniv & Wiener, JMLR 2010).

Frames without a lesion have no Dice and stay out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mcdrl.metrics.counts import Floats


def coverage_table(confidence: Floats, dice: Floats, left: Sequence[float]) -> pd.DataFrame:
    """Return how good the kept frames are once the least confident ones are left to a human.

    Args:
        confidence: [n], of each frame.
        dice: [n], NaN on frames without a lesion.
        left: shares of the frames, 0..1.

    Returns:
        A row a share: left, n_kept, dice (mean over the kept frames), dice_random (of frames left at random: the mean
        over all) and dice_oracle (of the worst frames left). NaN where no frame is kept.
    """
    ours, best = kept_dice(confidence, dice), kept_dice(dice, dice)
    n = len(ours)
    kept = [n - round(share * n) for share in left]
    return pd.DataFrame(
        {
            "left": list(left),
            "n_kept": kept,
            "dice": [_at(ours, count) for count in kept],
            "dice_random": [_at(ours, n) if count else np.nan for count in kept],
            "dice_oracle": [_at(best, count) for count in kept],
        }
    )


def aurc(confidence: Floats, dice: Floats) -> float:
    """Return the area under the curve of risk, 1 - Dice, over coverage: 0..1, lower is better; NaN without frames.

    A random order has the mean risk, the oracle's order `aurc(dice, dice)`.

    Args:
        confidence: [n], of each frame.
        dice: [n], NaN on frames without a lesion.
    """
    kept = kept_dice(confidence, dice)
    return float(1 - kept.mean()) if len(kept) else float("nan")


def kept_dice(confidence: Floats, dice: Floats) -> Floats:
    """Return the mean Dice of the k most confident of the m frames with a lesion, [m] for k = 1..m.

    Frames of equal confidence come in the order given.
    """
    defined = np.isfinite(dice)
    order = np.argsort(-np.asarray(confidence)[defined], kind="stable")
    means: Floats = np.cumsum(np.asarray(dice)[defined][order]) / np.arange(1, len(order) + 1)
    return means


def _at(means: Floats, count: int) -> float:
    return float(means[count - 1]) if count else float("nan")
