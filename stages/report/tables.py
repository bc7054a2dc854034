"""Scores a frame -> the tables of the report: plain data frames in and out.

A frame's scores are first averaged over the seeds, then over the frames of a site, then over the sites; undefined
values stay out of every mean and are counted. Intervals draw whole groups (patients, sequences).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from stages.core.base.params import RESERVED_SITE_NAMES
from stages.core.metrics.bootstrap import interval, mean_draws
from stages.core.metrics.counts import Floats
from stages.core.metrics.paired import Pairs, compare, holm
from stages.core.seeds import generator

MEAN, WORST, ALL = RESERVED_SITE_NAMES  # the rows of a table that stand for several sites
BASELINE = "baseline"
_COUNTS = ["n_lesion", "n_groups", "n_hd95_undefined", "n_undefined"]
_BARS = {"dice": "dice", "dice_low": "low", "dice_high": "high"}
_SCORES = ["dice", "iou", "accuracy", "nsd", "hd95_px"]
Row = dict[str, Any]


@dataclass(frozen=True)
class Draws:
    """How intervals are drawn.

    Attributes:
        count: bootstrap samples.
        seed: of the samples; together with names, so that adding a site changes no other site's interval.
    """

    count: int
    seed: int

    def of(self, rows: pd.DataFrame, score: str, *names: str) -> Floats:
        """Return bootstrap means of a score, [count]; NaN where there are fewer than two groups."""
        if rows["group_id"].nunique() < 2:
            return np.full(self.count, np.nan)
        rng = generator("report", self.seed, score, *names)
        return mean_draws(rows[score].to_numpy(dtype=np.float64), rows["group_id"].to_numpy(), self.count, rng)


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
    means = dict.fromkeys([*_SCORES, "false_positive", "area_share"], "mean")
    return rows.groupby(["method", "held_out", "case_id"], sort=False, as_index=False).agg(
        {**same, "n_hd95_undefined": "sum", **means}
    )


def sites_table(frames: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return a row a (method, held-out site), then the method's `mean` over sites and its `worst` site.

    Dice and IoU are means over the frames with a lesion (`n_lesion`), NSD and HD95 over these but for frames whose
    lesion vanishes at working size (`n_undefined`), accuracy over all (`n_frames`). The mean HD95 is null where a site
    has frames to take it of, yet none on which it is defined: a mean without that site would flatter. `worst_site`, in
    the row `worst` alone, says which site that is.
    """
    rows = [row for method, mine in _by(frames, "method") for row in _method_rows(method, mine, draws)]
    return pd.DataFrame(rows)


def lesions_table(frames: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return a row a (method, lesion class) over the frames of all held-out sites, each with equal weight.

    `n_undefined` of the `n_frames` have a lesion that vanishes at working size, and so neither NSD nor HD95.
    """
    lesion = frames[frames["has_lesion"]]
    return pd.DataFrame(
        [
            {"method": method, "lesion_class": kind, "n_frames": len(own)} | _scores(own, draws.of(own, "dice", kind))
            for method, mine in _by(lesion, "method")
            for kind, own in _by(mine.sort_values("lesion_class", kind="stable"), "lesion_class")
        ],
        columns=None if len(lesion) else ["method", "lesion_class", "n_frames"],
    )


def negatives_table(frames: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return what methods call lesion on frames without one: a row a (method, held-out site) and one over all."""
    negative = frames[~frames["has_lesion"]]
    rows = []
    for method, mine in _by(negative, "method"):
        rows += [_negative_row(method, site, own, draws) for site, own in _by(mine, "held_out")]
        rows.append(_negative_row(method, ALL, mine, draws))
    names = ["method", "held_out", "n_frames", "false_positive_rate", "low", "high", "area_share", "n_groups"]
    return pd.DataFrame(rows, columns=names)


def reference_of(methods: Sequence[str]) -> str:
    """Return the method that the others are compared with: the one named "baseline", else the first."""
    return BASELINE if BASELINE in methods else methods[0]


def comparisons_table(frames: pd.DataFrame, draws: Draws, reference: str = BASELINE) -> pd.DataFrame:
    """Compare every method's Dice with the reference's on the same frames, site by site and over the sites.

    Holm's correction has two families: the `mean` rows, which are what a study asks, and the rows of single sites,
    which say where a difference comes from. Empty without the reference.
    """
    names = ["method", "baseline", "held_out", "n_frames", "n_groups", "difference", "low", "high", "p", "p_holm"]
    lesion = frames[frames["has_lesion"]]
    others = [method for method in dict.fromkeys(lesion["method"]) if method != reference]
    if reference not in set(lesion["method"]):
        return pd.DataFrame(columns=names)
    rows = [row for method in others for row in _comparison_rows(lesion, method, reference, draws)]
    for family in ([row for row in rows if row["held_out"] == MEAN], [row for row in rows if row["held_out"] != MEAN]):
        for row, corrected in zip(family, holm([row["p"] for row in family]), strict=True):
            row["p_holm"] = corrected
    return pd.DataFrame(rows, columns=names)


def seeds_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each seed's scores: a row a (method, held-out site, seed) and a `mean` over the sites."""
    keys = ["method", "held_out", "seed"]
    columns = ["dice", "iou", "accuracy", "nsd"]
    rows = scores.groupby(keys, sort=False, as_index=False)[columns].mean()
    means = rows.groupby(["method", "seed"], sort=False, as_index=False)[columns].mean().assign(held_out=MEAN)
    return pd.concat([rows, means[rows.columns]], ignore_index=True)


def bars_table(sites: pd.DataFrame) -> pd.DataFrame:
    """Return Dice with one name a row, `cell`, which is what a bar chart of `dvc plots` takes."""
    rows = sites.assign(cell=sites["held_out"] + " " + sites["method"])[["cell", "held_out", *_BARS]]
    return rows.rename(columns=_BARS)


def curves_table(history: pd.DataFrame) -> pd.DataFrame:
    """Return the training histories with one name a run, which is what a line chart takes."""
    run = history["method"] + " " + history["held_out"] + " " + history["seed"].astype(str)
    return history.assign(run=run)


def metrics(sites: pd.DataFrame, quality: pd.DataFrame, *, random_weights: bool) -> Row:
    """Return the few numbers that `dvc metrics` follows; what is undefined is None, and `n_undefined` counts it."""
    found: Row = {}
    for method, rows in _by(sites, "method"):
        at = {row["held_out"]: row for row in rows.to_dict("records")}
        found |= {f"{method}_{score}_mean": at[MEAN][score] for score in ("dice", "iou", "accuracy", "nsd")}
        found[f"{method}_dice_worst"] = at[WORST]["dice"]
        found[f"{method}_hd95_undefined"] = at[MEAN]["n_hd95_undefined"]
    for name in ("recall", "recall_random", "auroc", "auroc_inverted"):
        found[f"mining_{name}"] = quality[name].astype(float).mean()
    values: Row = {key: _figure(value) for key, value in found.items()}
    undefined = sum(value is None for value in values.values())
    return {**values, "n_undefined": undefined, "random_weights": int(random_weights)}


def _figure(value: Any) -> float | int | None:
    if pd.isna(value):
        return None
    return value if isinstance(value, int) else round(float(value), 6)


def _by(rows: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    for name, own in rows.groupby(column, sort=False):
        yield str(name), own


def _method_rows(method: str, frames: pd.DataFrame, draws: Draws) -> list[Row]:
    rows, samples = [], []
    for site, own in _by(frames, "held_out"):
        lesion = own[own["has_lesion"]]
        samples.append(draws.of(lesion, "dice", site))
        scores = _scores(lesion, samples[-1]) | {"accuracy": own["accuracy"].mean(), "n_lesion": len(lesion)}
        rows.append(_site_row(method, site, len(own), scores))
    mean = _mean_row(method, pd.DataFrame(rows), np.mean(samples, axis=0))
    return [*rows, mean, _worst_row(rows)]


def _mean_row(method: str, table: pd.DataFrame, samples: Floats) -> Row:
    low, high = _interval(samples)
    means: Row = {score: table[score].astype(float).mean() for score in _SCORES}
    if (table["dice"].notna() & table["hd95_px"].isna()).any():
        means["hd95_px"] = np.nan
    counts = {name: int(table[name].sum()) for name in _COUNTS}
    scores = means | {"dice_low": low, "dice_high": high} | counts
    return _site_row(method, MEAN, int(table["n_frames"].sum()), scores)


def _worst_row(rows: list[Row]) -> Row:
    defined = [row for row in rows if not pd.isna(row["dice"])]
    if not defined:
        return rows[0] | {"held_out": WORST}
    worst = min(defined, key=lambda row: float(row["dice"]))
    return worst | {"held_out": WORST, "worst_site": worst["held_out"]}


def _site_row(method: str, site: str, n_frames: int, scores: Row) -> Row:
    order = ["dice", "dice_low", "dice_high", "iou", "accuracy", "nsd", "hd95_px", *_COUNTS]
    ordered = {name: scores[name] for name in order}
    return {"method": method, "held_out": site, "n_frames": n_frames, **ordered, "worst_site": None}


def _scores(lesion: pd.DataFrame, samples: Floats) -> Row:
    """Return the scores of frames with a lesion, with the interval of Dice."""
    low, high = _interval(samples)
    return {
        "dice": lesion["dice"].mean(), "dice_low": low, "dice_high": high, "iou": lesion["iou"].mean(),
        "nsd": lesion["nsd"].mean(), "hd95_px": lesion["hd95_px"].mean(), "n_groups": lesion["group_id"].nunique(),
        "n_hd95_undefined": int(lesion["n_hd95_undefined"].sum()), "n_undefined": int(lesion["vanished"].sum()),
    }  # fmt: skip


def _interval(samples: Floats) -> tuple[float, float]:
    return interval(samples) if np.isfinite(samples).all() else (np.nan, np.nan)


def _negative_row(method: str, site: str, own: pd.DataFrame, draws: Draws) -> Row:
    rate, groups = float(own["false_positive"].mean()), own["group_id"].nunique()
    low, high = _rate_interval(draws.of(own, "false_positive", site), rate, groups)
    return {
        "method": method, "held_out": site, "n_frames": len(own),
        "false_positive_rate": rate, "low": low, "high": high, "area_share": own["area_share"].mean(),
        "n_groups": groups,
    }  # fmt: skip


def _rate_interval(samples: Floats, rate: float, groups: int) -> tuple[float, float]:
    """Return the interval of a rate; of none or all, where resampling shows no spread, Wilson's over the groups."""
    if rate not in (0.0, 1.0):
        return _interval(samples)
    found = binomtest(round(rate * groups), groups).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _comparison_rows(lesion: pd.DataFrame, method: str, reference: str, draws: Draws) -> list[Row]:
    keys = ["held_out", "case_id"]
    base = lesion.loc[lesion["method"] == reference, [*keys, "dice"]]
    both = lesion[lesion["method"] == method].merge(base, on=keys, suffixes=("", "_base"), validate="one_to_one")
    pairs = {
        site: Pairs((own["dice"] - own["dice_base"]).to_numpy(dtype=np.float64), own["group_id"].to_numpy())
        for site, own in _by(both, "held_out")
    }
    parts = {**{site: [pair] for site, pair in pairs.items()}, MEAN: list(pairs.values())}
    return [_comparison_row(method, reference, site, part, draws) for site, part in parts.items()]


def _comparison_row(method: str, reference: str, site: str, pairs: list[Pairs], draws: Draws) -> Row:
    found = compare(pairs, draws.count, generator("report", draws.seed, "comparison", method, site))
    lone = any(len(set(pair.groups)) < 2 for pair in pairs)
    return {
        "method": method, "baseline": reference, "held_out": site, "n_frames": found.n, "n_groups": found.n_groups,
        "difference": found.difference, "low": np.nan if lone else found.low, "high": np.nan if lone else found.high,
        "p": found.p,
    }  # fmt: skip
