"""What the intervention did, frame by frame."""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np
import pandas as pd

from mcdrl.artifacts.scores import ATTENTION, POOLED, own_columns
from mcdrl.base.seeds import seed_for
from stages.evaluate.predict import BatchPrediction


def sampled(case_ids: Sequence[str], count: int) -> list[str]:
    """Return up to `count` of a site's frames, in their order; which ones depends on each frame's own name alone."""
    chosen = set(sorted(case_ids, key=lambda case: (seed_for("pooled", case), case))[:count])
    return [case for case in case_ids if case in chosen]


class Interventions:
    """Gathers what interventions did; stays empty where a method has none."""

    def __init__(self, confounders: Sequence[str]) -> None:
        """Take the dictionary's confounders, in the order of its rows."""
        self._confounders = list(confounders)
        self._weights: list[tuple[Sequence[str], np.ndarray]] = []
        self._pooled: list[pd.DataFrame] = []

    def add(self, prediction: BatchPrediction, pooled: Container[str], *, attention: bool) -> None:
        """Take the prediction of some frames.

        Args:
            prediction: what was predicted.
            pooled: the frames whose features are kept.
            attention: whether the attention of all of them is kept, too.
        """
        if prediction.before is None or prediction.after is None:
            return
        kept = [place for place, case in enumerate(prediction.case_ids) if case in pooled]
        case_ids = [prediction.case_ids[place] for place in kept]
        before, after = list(prediction.before[kept]), list(prediction.after[kept])
        self._pooled.append(pd.DataFrame({"case_id": case_ids, "before": before, "after": after}))
        if attention and prediction.weights is not None:
            self._weights.append((prediction.case_ids, prediction.weights))

    def pooled(self) -> pd.DataFrame:
        """Return a row a frame that is kept, as in `POOLED`."""
        return pd.concat([pd.DataFrame(columns=own_columns(POOLED)), *self._pooled], ignore_index=True)

    def attention(self) -> pd.DataFrame:
        """Return a row a (frame, confounder), as in `ATTENTION`."""
        cases = [case for ids, _ in self._weights for case in ids]
        weights = [row for _, rows in self._weights for row in rows]
        rows = [
            (case, confounder, weight)
            for case, of_frame in zip(cases, weights, strict=True)
            for confounder, weight in zip(self._confounders, of_frame, strict=True)
        ]
        return pd.DataFrame(rows, columns=own_columns(ATTENTION))
