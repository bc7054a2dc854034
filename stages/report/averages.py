"""Scores a frame, their means and intervals: what the topics about results share.

A frame's scores are first averaged over the seeds, then over the frames of a site, then over the sites; undefined
values stay out of every mean and are counted. Intervals are over whole groups (patients, sequences), those of
differences over the seeds as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mcdrl.base.seeds import generator
from mcdrl.drawing.html_tables import Row
from mcdrl.metrics.intervals import Sample, mean_interval

MEAN, WORST, ALL = "mean", "worst", "all"  # the rows of a table that stand for several sites
BASELINE = "baseline"
SCORE_NAMES = ["dice", "iou", "accuracy", "nsd", "hd95_px"]


@dataclass(frozen=True)
class Draws:
    """How intervals are drawn.

    Attributes:
        count: bootstrap samples.
        seed: of the samples; together with names, so that adding a site changes no other site's interval.
    """

    count: int
    seed: int

    def interval(self, sites: Sequence[pd.DataFrame], score: str, *names: str) -> tuple[float, float]:
        """Return the 95 % interval of a share's mean over sites of the mean over frames; NaN as in `mean_interval`."""
        samples = [Sample(rows[score].to_numpy(dtype=np.float64), rows["group_id"].to_numpy()) for rows in sites]
        rng = generator("report", self.seed, score, *names)
        return mean_interval(samples, self.count, rng, within=(0.0, 1.0))


def frame_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the seeds of every (method, held-out site, frame).

    Returns:
        The scores, `group_id` (made unique over sites), `lesion_class`, `has_lesion`, `false_positive` (share of the
        seeds that call anything lesion on a frame without one), `area_share` (of the frame, likewise),
        `n_hd95_undefined` (seeds for which it is infinite) and `vanished` (the lesion is too small to be left at
        working size, where NSD and HD95 are taken, so the frame has neither).
    """
    lesion = scores["lesion_class"].notna()
    wrong = scores["fp"].where(~lesion)
    rows = scores.assign(
        has_lesion=lesion,
        false_positive=(wrong > 0).where(~lesion).astype(float),
        area_share=wrong / (scores["fp"] + scores["tn"]),
        n_hd95_undefined=scores["nsd"].notna() & scores["hd95_px"].isna(),
        vanished=lesion & scores["nsd"].isna(),
        group_id=scores["held_out"] + "/" + scores["group_id"],
    )
    same = dict.fromkeys(["group_id", "lesion_class", "has_lesion", "vanished"], "first")
    means = dict.fromkeys([*SCORE_NAMES, "false_positive", "area_share"], "mean")
    return rows.groupby(["method", "held_out", "case_id"], sort=False, as_index=False).agg(
        {**same, "n_hd95_undefined": "sum", **means}
    )


def lesion_scores(lesion: pd.DataFrame, interval: tuple[float, float]) -> Row:
    """Return the scores of frames with a lesion, with the interval of Dice."""
    low, high = interval
    return {
        "dice": lesion["dice"].mean(), "dice_low": low, "dice_high": high, "iou": lesion["iou"].mean(),
        "nsd": lesion["nsd"].mean(), "hd95_px": lesion["hd95_px"].mean(), "n_groups": lesion["group_id"].nunique(),
        "n_hd95_undefined": int(lesion["n_hd95_undefined"].sum()), "n_undefined": int(lesion["vanished"].sum()),
    }  # fmt: skip


def reference_of(methods: Sequence[str]) -> str:
    """Return the method that the others are compared with: the one named "baseline", else the first."""
    return BASELINE if BASELINE in methods else methods[0]


def by(rows: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each value of a column with its rows, in the order in which the values first occur."""
    for name, own in rows.groupby(column, sort=False):
        yield str(name), own
