"""Scores a frame -> the tables of the report: plain data frames in and out.

A frame's scores are first averaged over the seeds, then over the frames of a site, then over the sites; undefined
values stay out of every mean and are counted. Intervals are over whole groups (patients, sequences), those of
differences over the seeds as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from mcdrl.base.seeds import generator
from mcdrl.metrics.intervals import LEAST_GROUPS, NONE, Sample, mean_interval
from mcdrl.metrics.paired import Comparison, Pairs, compare, holm, pair
from mcdrl.metrics.registry import FRAME_METRICS, FrameMetric, OfMasks
from mcdrl.study.params import RESERVED_SITE_NAMES

MEAN, WORST, ALL = RESERVED_SITE_NAMES  # the rows of a table that stand for several sites
BASELINE = "baseline"
_COMPARED = [
    "n_frames", "n_groups", "difference", "low", "high", "p", "p_holm", "fewest_groups", "n_seeds", "seed_low",
    "seed_high", "seed_p", "sure",
]  # fmt: skip
_PARTIAL = [one for one in FRAME_METRICS.values() if one.sometimes_undefined]
_TOTAL = [one.name for one in FRAME_METRICS.values() if not one.sometimes_undefined]
_UNDEFINED = [one.undefined_column for one in _PARTIAL]
_COUNTS = ["n_lesion", "n_groups", *_UNDEFINED, "n_undefined"]
_BARS = {"dice": "dice", "dice_low": "low", "dice_high": "high"}
_FURTHER = [name for name in FRAME_METRICS if name != "dice"]
Row = dict[str, Any]
_Key = tuple[str, str]  # method, held-out site


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
        `n_hd95_undefined` (seeds for which it is infinite; likewise of each metric that is sometimes undefined) and
        `vanished` (the lesion is too small to be left at working size, where NSD and HD95 are taken, so the frame has
        neither).
    """
    lesion = scores["lesion_class"].notna()
    wrong = scores["fp"].where(~lesion)
    rows = scores.assign(
        has_lesion=lesion,
        false_positive=(wrong > 0).where(~lesion).astype(float),
        area_share=wrong / (scores["fp"] + scores["tn"]),
        **{one.undefined_column: _wanted(one, scores) & scores[one.name].isna() for one in _PARTIAL},
        vanished=lesion & scores["nsd"].isna(),
        group_id=scores["held_out"] + "/" + scores["group_id"],
    )
    same = dict.fromkeys(["group_id", "lesion_class", "has_lesion", "vanished"], "first")
    means = dict.fromkeys([*FRAME_METRICS, "false_positive", "area_share"], "mean")
    return rows.groupby(["method", "held_out", "case_id"], sort=False, as_index=False).agg(
        {**same, **dict.fromkeys(_UNDEFINED, "sum"), **means}
    )


def _wanted(metric: FrameMetric, scores: pd.DataFrame) -> pd.Series[bool]:
    """Return the frames that a metric should be defined on; outlines are there where NSD is."""
    if metric.over == "all":
        return pd.Series(True, index=scores.index)
    return scores["nsd" if isinstance(metric.of, OfMasks) else "lesion_class"].notna()


def sites_table(frames: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return a row a (method, held-out site), then the method's `mean` over sites and its `worst` site.

    Dice and IoU are means over the frames with a lesion (`n_lesion`), NSD and HD95 over these but for frames whose
    lesion vanishes at working size (`n_undefined`), accuracy over all (`n_frames`). The mean HD95 is null where a site
    has frames to take it of, yet none on which it is defined: a mean without that site would flatter. `worst_site`, in
    the row `worst` alone, says which site that is; as these frames chose it, that row has no interval. `fewest_groups`
    are the groups of the site that has the fewest: with less than `LEAST_GROUPS` there is no interval either.
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
            {"method": method, "lesion_class": kind, "n_frames": len(own)}
            | _scores(own, draws.interval([own], "dice", kind))
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


def comparisons_table(scores: pd.DataFrame, draws: Draws, reference: str = BASELINE) -> pd.DataFrame:
    """Compare every method's Dice with the reference's on the same frames and seeds, site by site and over the sites.

    `p` is of the frames, `seed_p` of the seeds. `p_holm` corrects the greater of the two (with one seed, that of the
    frames) in two families: the `mean` rows, which are what a study asks, and the rows of single sites, which say where
    a difference comes from. `sure` is as in `Comparison`. Empty without the reference.

    Args:
        scores: rows of `SCORES`, each seed's own.
        draws: of the intervals.
        reference: the method that is subtracted.
    """
    lesion = scores[scores["lesion_class"].notna()]
    others = [method for method in dict.fromkeys(lesion["method"]) if method != reference]
    base = lesion[lesion["method"] == reference]
    found = {
        (method, site): compare(pairs, draws.count, generator("report", draws.seed, "comparison", method, site))
        for method in (others if len(base) else [])
        for site, pairs in _compared(lesion[lesion["method"] == method], base)
    }
    single, mean = ([key for key in found if (key[1] == MEAN) is is_mean] for is_mean in (False, True))
    corrected = {**_after_holm(found, single), **_after_holm(found, mean)}
    rows = [_comparison_row(*key, reference, found[key], corrected[key]) for key in found]
    return pd.DataFrame(rows, columns=["method", "baseline", "held_out", *_COMPARED])


def seeds_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each seed's scores: a row a (method, held-out site, seed) and a `mean` over the sites."""
    keys = ["method", "held_out", "seed"]
    rows = scores.groupby(keys, sort=False, as_index=False)[_TOTAL].mean()
    means = rows.groupby(["method", "seed"], sort=False, as_index=False)[_TOTAL].mean().assign(held_out=MEAN)
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
        found |= {f"{method}_{score}_mean": at[MEAN][score] for score in _TOTAL}
        found[f"{method}_dice_worst"] = at[WORST]["dice"]
        found |= {f"{method}_{name.removeprefix('n_')}": at[MEAN][name] for name in _UNDEFINED}
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
    rows, defined = [], []
    for site, own in _by(frames, "held_out"):
        lesion = own[own["has_lesion"]]
        defined += [lesion] if len(lesion) else []
        scores = _scores(lesion, draws.interval([lesion], "dice", site))
        scores |= {one.name: own[one.name].mean() for one in FRAME_METRICS.values() if one.over == "all"}
        scores |= {"n_lesion": len(lesion), "fewest_groups": scores["n_groups"]}
        rows.append(_site_row(method, site, len(own), scores))
    mean = _mean_row(method, pd.DataFrame(rows), draws.interval(defined, "dice", MEAN))
    return [*rows, mean, _worst_row(rows)]


def _mean_row(method: str, table: pd.DataFrame, interval: tuple[float, float]) -> Row:
    means: Row = {score: table[score].astype(float).mean() for score in FRAME_METRICS}
    for one in _PARTIAL:
        if (table["dice"].notna() & table[one.name].isna()).any():
            means[one.name] = np.nan
    counts = {name: int(table[name].sum()) for name in _COUNTS}
    fewest = table.loc[table["dice"].notna(), "n_groups"].min() if table["dice"].notna().any() else 0
    bounds = dict(zip(("dice_low", "dice_high"), interval, strict=True))
    scores = means | bounds | counts | {"fewest_groups": int(fewest)}
    return _site_row(method, MEAN, int(table["n_frames"].sum()), scores)


def _worst_row(rows: list[Row]) -> Row:
    defined = [row for row in rows if not pd.isna(row["dice"])]
    if not defined:
        return rows[0] | {"held_out": WORST}
    worst = min(defined, key=lambda row: float(row["dice"]))
    bounds = dict(zip(("dice_low", "dice_high"), NONE, strict=True))
    return worst | bounds | {"held_out": WORST, "worst_site": worst["held_out"]}


def _site_row(method: str, site: str, n_frames: int, scores: Row) -> Row:
    order = ["dice", "dice_low", "dice_high", *_FURTHER, *_COUNTS, "fewest_groups"]
    ordered = {name: scores[name] for name in order}
    return {"method": method, "held_out": site, "n_frames": n_frames, **ordered, "worst_site": None}


def _scores(lesion: pd.DataFrame, interval: tuple[float, float]) -> Row:
    """Return the scores of frames with a lesion, with the interval of Dice."""
    low, high = interval
    further = [name for name in _FURTHER if FRAME_METRICS[name].over == "lesion"]
    return {
        "dice": lesion["dice"].mean(), "dice_low": low, "dice_high": high,
        **{name: lesion[name].mean() for name in further}, "n_groups": lesion["group_id"].nunique(),
        **{name: int(lesion[name].sum()) for name in _UNDEFINED}, "n_undefined": int(lesion["vanished"].sum()),
    }  # fmt: skip


def _negative_row(method: str, site: str, own: pd.DataFrame, draws: Draws) -> Row:
    rate, groups = float(own["false_positive"].mean()), own["group_id"].nunique()
    low, high = _rate_interval(draws.interval([own], "false_positive", site), rate, groups)
    return {
        "method": method, "held_out": site, "n_frames": len(own),
        "false_positive_rate": rate, "low": low, "high": high, "area_share": own["area_share"].mean(),
        "n_groups": groups,
    }  # fmt: skip


def _rate_interval(interval: tuple[float, float], rate: float, groups: int) -> tuple[float, float]:
    """Return the interval of a rate; of none or all, where groups show no spread, Wilson's over the groups."""
    if rate not in (0.0, 1.0) or groups < LEAST_GROUPS:
        return interval
    found = binomtest(round(rate * groups), groups).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _compared(ours: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[tuple[str, list[Pairs]]]:
    """Yield each held-out site with its pairs, then `mean` with those of all."""
    sites = pair(ours, theirs, "dice")
    yield from ((site, [pairs]) for site, pairs in sites.items())
    if sites:
        yield MEAN, list(sites.values())


def _after_holm(found: Mapping[_Key, Comparison], family: Sequence[_Key]) -> dict[_Key, float]:
    return dict(zip(family, holm([found[key].p_both for key in family]), strict=True))


def _comparison_row(method: str, site: str, reference: str, found: Comparison, p_holm: float) -> Row:
    return {
        "method": method, "baseline": reference, "held_out": site, **vars(found), "n_frames": found.n,
        "p_holm": p_holm, "sure": found.sure(p_holm),
    }  # fmt: skip
