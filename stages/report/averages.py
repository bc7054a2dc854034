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
from mcdrl.drawing.formatting import number
from mcdrl.drawing.html_tables import Row, Write
from mcdrl.metrics.intervals import SHARE, Sample, score_interval
from mcdrl.metrics.registry import FRAME_METRICS, FrameMetric, OfMasks

MEAN, WORST, ALL = "mean", "worst", "all"  # the rows of a table that stand for several sites
BASELINE = "baseline"  # the method of that file is training and nothing else, so that others are held against it
PARTIAL = [one for one in FRAME_METRICS.values() if one.sometimes_undefined]
UNDEFINED = [one.undefined_column for one in PARTIAL]
FURTHER = [name for name in FRAME_METRICS if name != "dice"]
COMPARED = [
    "n_frames", "n_groups", "difference", "low", "high", "p", "p_holm", "fewest_groups", "n_seeds", "seed_low",
    "seed_high", "seed_p", "total_p", "sure",
]  # columns of a table that holds something against something else  # fmt: skip


@dataclass(frozen=True)
class Draws:
    """How intervals are drawn.

    Attributes:
        count: bootstrap samples.
        seed: of the samples; together with names, so that adding a site changes no other site's interval.
    """

    count: int
    seed: int

    def interval(
        self, sites: Sequence[pd.DataFrame], score: str, *names: str, within: tuple[float, float] = SHARE
    ) -> tuple[float, float]:
        """Return the 95 % interval of the mean over sites of the mean over frames.

        NaN as in `mean_interval`, and where the groups show no spread, which says nothing of chance; a single site's
        share of 0 or 1 has Wilson's interval then.

        Args:
            sites: rows with the score and `group_id`, site by site.
            score: the column; a share, unless `within` says otherwise.
            names: what the interval is of, so that each has draws of its own.
            within: what the mean can't leave.
        """
        samples = [Sample(rows[score].to_numpy(dtype=np.float64), rows["group_id"].to_numpy()) for rows in sites]
        rng = generator("report", self.seed, score, *names)
        return score_interval(samples, self.count, rng, within)


def frame_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the seeds of every (method, held-out site, frame).

    Returns:
        The scores, `group_id` (made unique over sites), `lesion_class`, `has_lesion`, `false_positive` (share of the
        seeds that call anything lesion on a frame without one), `area_share` (of the frame, likewise),
        `n_hd95_undefined` (seeds for which it is infinite; likewise of each metric that is sometimes undefined) and
        `vanished` (the lesion is too small to be left in the view at as many pixels as the working size has, where NSD
        and HD95 are taken, or lies wholly outside of what the frame was cut to, so the frame has neither).
    """
    lesion = scores["lesion_class"].notna()
    wrong = scores["fp"].where(~lesion)
    rows = scores.assign(
        has_lesion=lesion,
        false_positive=(wrong > 0).where(~lesion).astype(float),
        area_share=wrong / (scores["fp"] + scores["tn"]),
        **{one.undefined_column: _wanted(one, scores) & scores[one.name].isna() for one in PARTIAL},
        vanished=lesion & scores["nsd"].isna(),
        group_id=scores["held_out"] + "/" + scores["group_id"],
    )
    same = dict.fromkeys(["group_id", "lesion_class", "has_lesion", "vanished"], "first")
    means = dict.fromkeys([*FRAME_METRICS, "false_positive", "area_share"], "mean")
    return rows.groupby(["method", "held_out", "case_id"], sort=False, as_index=False).agg(
        {**same, **dict.fromkeys(UNDEFINED, "sum"), **means}
    )


def _wanted(metric: FrameMetric, scores: pd.DataFrame) -> pd.Series[bool]:
    """Return the frames that a metric should be defined on; outlines are there where NSD is."""
    if metric.over == "all":
        return pd.Series(True, index=scores.index)
    return scores["nsd" if isinstance(metric.of, OfMasks) else "lesion_class"].notna()


def lesion_scores(lesion: pd.DataFrame, interval: tuple[float, float]) -> Row:
    """Return the scores of frames with a lesion, with the interval of Dice."""
    low, high = interval
    further = [name for name in FURTHER if FRAME_METRICS[name].over == "lesion"]
    return {
        "dice": lesion["dice"].mean(), "dice_low": low, "dice_high": high,
        **{name: lesion[name].mean() for name in further}, "n_groups": lesion["group_id"].nunique(),
        **{name: int(lesion[name].sum()) for name in UNDEFINED}, "n_undefined": int(lesion["vanished"].sum()),
    }  # fmt: skip


def metric_columns(interval: Write, metrics: Sequence[FrameMetric]) -> dict[str, Write]:
    """Return heading -> cell of metrics, Dice's interval behind it, and how often those that may be are undefined."""

    def mean(one: FrameMetric) -> Write:
        """Return how a metric's cell is written."""
        return lambda r: number(r[one.name], one.digits)

    def undefined(one: FrameMetric) -> Write:
        """Return how the count of frames that it is undefined on is written."""
        return lambda r: str(r[one.undefined_column])

    dice, further = FRAME_METRICS["dice"], [one for one in metrics if one.name != "dice"]
    means = {one.label: mean(one) for one in further}
    counts = {f"{one.heading} undefined": undefined(one) for one in further if one.sometimes_undefined}
    return {dice.label: mean(dice), "95 % interval": interval, **means, **counts}


def best_high() -> set[str]:
    """Return the headings of metrics whose highest value is the best."""
    return {one.label for one in FRAME_METRICS.values() if one.better == "higher"}


def reference_of(methods: Sequence[str]) -> str:
    """Return the method that the others are compared with: the one named "baseline", else the first."""
    return BASELINE if BASELINE in methods else methods[0]


def by(rows: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each value of a column with its rows, in the order in which the values first occur."""
    for name, own in rows.groupby(column, sort=False):
        yield str(name), own
