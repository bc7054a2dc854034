"""How much Dice confounders cost: curves over their strength, the area below them, and how flat they are.

A frame's Dice is averaged over the seeds; its area under the curve runs from the untouched frame (strength 0) to the
greatest strength, by trapezoids, and is divided by that strength, so that it is a mean Dice in 0..1. The drop is the
Dice of the untouched frame less that area: 0 is a flat curve. A method that is better everywhere has the larger area,
one that a confounder disturbs less has the smaller drop. Means are over frames, then over the held-out sites; frames
whose lesion vanishes at any strength of a confounder stay out of that confounder's rows, for all methods alike.

Distances and screens also change the size of the lesion, and so what Dice an equal error along its rim comes to: there
a drop may be negative, and only differences between methods speak of robustness.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.base.seeds import generator
from mcdrl.confounders.registry import UNTOUCHED, of_a_dictionary
from mcdrl.metrics.intervals import SHARE, Sample, if_spread, mean_interval
from mcdrl.metrics.paired import Comparison, compare, holm, pair

ALL = "all"  # the row of a table that stands for the mean over the dictionary's confounders
_FRAME = ["method", "held_out", "group_id", "case_id"]
_FIGURES = ("auc", "drop")
_WITHIN = {"dice": SHARE, "auc": SHARE, "drop": (-1.0, 1.0)}  # what the mean can't leave
_COMPARED = {
    "": "difference", "_low": "low", "_high": "high", "_p": "p", "_seed_low": "seed_low", "_seed_high": "seed_high",
    "_seed_p": "seed_p", "_total_p": "total_p",
}  # fmt: skip
Row = dict[str, Any]


def stress_curves(cases: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Return Dice against strength.

    Args:
        cases: rows of `STRESS`.
        draws: bootstrap samples.
        seed: of the samples.

    Returns:
        A row a (method, confounder, strength), strength 0 (the untouched frames) first: method, confounder, strength,
        n_frames, dice, dice_low, dice_high. The interval holds 95 %, as in `mcdrl.metrics.intervals`; where groups show
        no spread there is none.
    """
    rows = []
    for (method, confounder), own in _curves(cases).groupby(level=["method", "confounder"], sort=False):
        for strength in own.columns:
            found = _mean("dice", own[strength], draws, seed, str(confounder), f"{strength:g}")
            rows.append({"method": method, "confounder": confounder, "strength": strength, **found})
    names = ["method", "confounder", "strength", "n_frames", "dice", "dice_low", "dice_high"]
    return pd.DataFrame(rows, columns=names)


def stress_table(cases: pd.DataFrame, baseline: str, draws: int, seed: int) -> pd.DataFrame:
    """Return the robustness figures, and how they differ from the baseline's on the same frames.

    Args:
        cases: rows of `STRESS`.
        baseline: the method that the others are compared with; without its rows there are no differences.
        draws: bootstrap samples.
        seed: of the samples.

    Returns:
        A row a (method, confounder) and one of confounder `all`, the mean over those of the dictionary (screens are
        none): method, confounder, n_frames, n_undefined (frames left out), fewest_groups (of the site that has the
        fewest), n_seeds, dice_untouched, then auc and drop, each with _low and _high (95 %, null where groups show no
        spread), then auc_difference and drop_difference (method less baseline), each with _low, _high and _p over the
        frames, _seed_low, _seed_high and _seed_p over the seeds, _total_p, _p_holm and _sure of both, see `Comparison`.
        A negative drop_difference means that the method is flatter. Holm's correction spans a method's confounders; the
        row `all` is a question of its own. No rows where no frame has a whole curve.
    """
    areas, missing = _areas(cases), _undefined(cases)
    single = _areas_by_seed(cases)
    rows = []
    for (method, confounder), own in areas.groupby(level=["method", "confounder"], sort=False):
        one, base = (_frames_of(single, name, str(confounder)) for name in (str(method), baseline))
        named = {"method": method, "confounder": confounder, "n_frames": len(own)}
        rows.append(
            named
            | {"n_undefined": missing[str(confounder)], "fewest_groups": min(s.n_groups for s in _samples(own["auc"]))}
            | {"n_seeds": one["seed"].nunique(), "dice_untouched": _mean_of(own["untouched"])}
            | _figures(own, draws, seed, str(confounder))
            | _differences(one, base[:0] if method == baseline else base, draws, seed, str(confounder))
        )
    return _corrected(pd.DataFrame(rows))


def _frames_of(single: pd.DataFrame, method: str, confounder: str) -> pd.DataFrame:
    """Return one method's rows of one confounder."""
    return single[(single["method"] == method) & (single["confounder"] == confounder)]


def _areas_by_seed(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the areas of each seed: seed, method, held_out, group_id, case_id, confounder and the figures."""
    parts = {seed: _areas(own) for seed, own in cases.groupby("seed")}
    return pd.concat(parts, names=["seed"]).reset_index() if parts else pd.DataFrame()


def _curves(cases: pd.DataFrame) -> pd.DataFrame:
    """Return Dice, indexed by frame and confounder, a column a strength from 0; whole curves alone."""
    curves = _all_curves(cases)
    whole: pd.DataFrame = curves[curves.notna().all(axis=1)]
    return whole


def _all_curves(cases: pd.DataFrame) -> pd.DataFrame:
    ordered = cases.sort_values(["held_out", "case_id"], kind="stable")  # the samples are drawn in this order
    means = ordered.groupby([*_FRAME, "confounder", "strength"], sort=False, as_index=False)["dice"].mean()
    untouched = means[means["confounder"] == UNTOUCHED].set_index(_FRAME)["dice"]
    touched = means[means["confounder"] != UNTOUCHED]
    order = touched[[*_FRAME, "confounder"]].drop_duplicates()
    table = touched.pivot(index=[*_FRAME, "confounder"], columns="strength", values="dice")
    curves: pd.DataFrame = table.reindex(pd.MultiIndex.from_frame(order)).sort_index(axis=1)
    curves.insert(0, 0.0, untouched.reindex(pd.MultiIndex.from_frame(order[_FRAME])).to_numpy())
    return curves


def _undefined(cases: pd.DataFrame) -> dict[str, int]:
    """Return how many frames lack a whole curve, by confounder; under `all` those that lack any."""
    whole = _all_curves(cases).notna().all(axis=1)
    one = whole.groupby(level=["held_out", "case_id", "confounder"], sort=False).first().unstack("confounder")
    each = {str(confounder): int((~one[confounder]).sum()) for confounder in one.columns}
    return {**each, ALL: int((~one[_averaged(cases)]).any(axis=1).sum())}


def _averaged(cases: pd.DataFrame) -> list[str]:
    """Return the confounders under test that belong to the dictionary."""
    return [name for name in cases["confounder"].unique() if name != UNTOUCHED and of_a_dictionary(name)]


def _areas(cases: pd.DataFrame) -> pd.DataFrame:
    """Return untouched, auc and drop, indexed by frame and confounder; `all` is the mean over the dictionary's."""
    curves = _curves(cases)
    strengths = curves.columns.to_numpy(dtype=np.float64)
    auc = np.trapezoid(curves.to_numpy(dtype=np.float64), strengths, axis=1) / strengths[-1]
    single = pd.DataFrame({"untouched": curves[0.0], "auc": auc, "drop": curves[0.0] - auc}, index=curves.index)
    averaged = _averaged(cases)
    listed = single[single.index.get_level_values("confounder").isin(averaged)]
    complete = listed[listed.groupby(level=_FRAME, sort=False)["auc"].transform("size") == len(averaged)]
    overall = complete.groupby(level=_FRAME, sort=False).mean()
    overall.index = pd.MultiIndex.from_tuples([(*key, ALL) for key in overall.index], names=single.index.names)
    return pd.concat([single, overall])


def _by_site(values: pd.Series[float]) -> Iterator[pd.Series[float]]:
    for _, own in values.groupby(level="held_out", sort=False):
        yield own


def _samples(values: pd.Series[float]) -> list[Sample]:
    return [
        Sample(np.asarray(own, dtype=np.float64), own.index.get_level_values("group_id").to_numpy())
        for own in _by_site(values)
    ]


def _mean_of(values: pd.Series[float]) -> float:
    return float(np.mean([own.mean() for own in _by_site(values)]))


def _mean(name: str, values: pd.Series[float], draws: int, seed: int, *drawn: str) -> Row:
    """Return the number of frames, the mean over sites of the mean over frames, its interval; NaN without spread."""
    rng = generator("stress", seed, *drawn)
    low, high = if_spread(mean_interval(_samples(values), draws, rng, _WITHIN[name]))
    return {"n_frames": len(values), name: _mean_of(values), f"{name}_low": low, f"{name}_high": high}


def _figures(own: pd.DataFrame, draws: int, seed: int, confounder: str) -> Row:
    figures: Row = {}
    for name in _FIGURES:
        figures |= _mean(name, own[name], draws, seed, confounder, name)
    return figures


def _differences(own: pd.DataFrame, base: pd.DataFrame, draws: int, seed: int, confounder: str) -> Row:
    """Return the paired differences from the baseline; nulls where that has no rows."""
    found: Row = {}
    for name in _FIGURES:
        pairs = list(pair(own, base, name).values()) if len(base) else []
        rng = generator("stress", seed, "comparison", confounder, name)
        compared = compare(pairs, draws, rng) if pairs else None
        found |= {f"{name}_difference{end}": getattr(compared, key, np.nan) for end, key in _COMPARED.items()}
        found[f"{name}_compared"] = compared
    return found


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Add p values that hold for all single confounders of a method, and for the means of all methods, together."""
    if rows.empty:
        return rows
    family = rows["method"].where(rows["confounder"] != ALL, ALL)
    for name in _FIGURES:
        compared = rows.pop(f"{name}_compared")
        corrected = compared.map(_p_both).groupby(family).transform(_holm)
        verdicts = [_sure(*row) for row in zip(compared, corrected, strict=True)]
        place = list(rows.columns).index(f"{name}_difference_total_p") + 1
        rows.insert(place, f"{name}_difference_p_holm", corrected)
        rows.insert(place + 1, f"{name}_difference_sure", pd.Series(verdicts, rows.index, dtype="boolean"))
    return rows


def _p_both(found: Comparison | None) -> float:
    return found.p_both if found else np.nan


def _sure(found: Comparison | None, p_holm: float) -> bool | None:
    return found.sure(p_holm) if found else None


def _holm(p: pd.Series[float]) -> pd.Series[float]:
    there = p.notna()
    return p.where(~there, pd.Series(dict(zip(p.index[there], holm(p[there].tolist()), strict=True)), dtype="float64"))
