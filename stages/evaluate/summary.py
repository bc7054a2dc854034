"""The scores of a cell in a few numbers, for whoever takes the model away."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mcdrl.artifacts.held_out_scores import HeldOutScores
from mcdrl.base.seeds import generator
from mcdrl.metrics.intervals import DRAWS, Sample, score_interval
from mcdrl.study.paths import Cell
from mcdrl.study.sections.evaluate import Params


def summarise(cell: Cell, scores: pd.DataFrame, params: Params, weights_sha256: str) -> HeldOutScores:
    """Return a cell's scores in a few numbers.

    Args:
        cell: whose they are.
        scores: a row a frame, as in `SCORES`.
        params: with the threshold.
        weights_sha256: of the model that was judged.
    """
    lesion, negative = (scores[scores["lesion_class"].notna() == there] for there in (True, False))
    low, high = _interval(cell, lesion)
    return HeldOutScores(
        weights_sha256=weights_sha256,
        held_out=cell.held_out,
        threshold=params.threshold,
        further_sizes_px=params.further_sizes_px,
        n_lesion=len(lesion),
        n_groups=int(lesion["group_id"].nunique()),
        dice=float(lesion["dice"].mean()) if len(lesion) else None,
        dice_low=low,
        dice_high=high,
        n_negative=len(negative),
        leaked_frames=int(scores["leaked_frames"].max()) if len(scores) else 0,
        false_positive_rate=float((negative["fp"] > 0).mean()) if len(negative) else None,
    )


def _interval(cell: Cell, lesion: pd.DataFrame) -> tuple[float | None, float | None]:
    sample = Sample(lesion["dice"].to_numpy(dtype=np.float64), lesion["group_id"].to_numpy())
    rng = generator("judged", cell.variant, cell.held_out, cell.seed)
    low, high = score_interval([sample], DRAWS, rng)
    return (None, None) if np.isnan(low) else (low, high)
