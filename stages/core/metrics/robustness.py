"""How much Dice confounders cost: curves over their strength, the area below them, and how flat they are.

A frame's Dice is averaged over the seeds; its area under the curve runs from the untouched frame (strength 0) to the
greatest strength, by trapezoids, and is divided by that strength, so that it is a mean Dice in 0..1. The drop is the
Dice of the untouched frame less that area: 0 is a flat curve. A method that is better everywhere has the larger area,
one that a confounder disturbs less has the smaller drop. Means are over frames, then over the held-out sites; frames
whose lesion vanishes at any strength of a confounder stay out of that confounder's rows, for all methods alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from stages.core.contracts.stress import UNTOUCHED
from stages.core.metrics.bootstrap import interval, mean_draws
from stages.core.metrics.counts import Floats
from stages.core.metrics.paired import Pairs, compare, holm
from stages.core.seeds import generator

ALL = "all"  # the row of a table that stands for the mean over the confounders
_LEAST_GROUPS = 5  # of a site; the bootstrap of fewer is far too narrow
_FRAME = ["method", "held_out", "group_id", "case_id"]
Row = dict[str, Any]


def stress_curves(cases: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Return Dice against strength.

    Args:
        cases: rows of `STRESS`.
        draws: bootstrap samples.
        seed: of the samples.

    Returns:
        A row a (method, confounder, strength), strength 0 (the untouched frames) first: method, confounder, strength,
        n_frames, dice, dice_low, dice_high. The interval holds 95 %; it is null where a site has fewer than two groups.
    """
    rows = []
    for (method, confounder), own in _curves(cases).groupby(level=["method", "confounder"], sort=False):
        for strength in own.columns:
            found = _mean(own[strength], draws, seed, str(confounder), f"{strength:g}")
            rows.append({"method": method, "confounder": confounder, "strength": strength, **_named("dice", found)})
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
        A row a (method, confounder) and one of confounder `all`, the mean over the confounders: method, confounder,
        n_frames, n_undefined (frames left out), dice_untouched, then auc and drop, each with _low and _high (95 %),
        then auc_difference and drop_difference (method less baseline), each with _low, _high, _p and _p_holm. A
        negative drop_difference means that the method is flatter. Holm's correction spans a method's 12 confounders;
        the row `all` is a question of its own. No rows where no frame has a whole curve.
    """
    areas, missing = _areas(cases), _undefined(cases)
    rows = []
    for (method, confounder), own in areas.groupby(level=["method", "confounder"], sort=False):
        base = None if method == baseline else _frames_of(areas, baseline, str(confounder))
        named = {"method": method, "confounder": confounder, "n_frames": len(own)}
        rows.append(
            named
            | {"n_undefined": missing[str(confounder)], "dice_untouched": _mean_of(own["untouched"])}
            | _figures(own, draws, seed, str(confounder))
            | _differences(own, base, draws, seed, str(confounder))
        )
    return _corrected(pd.DataFrame(rows))


def _frames_of(areas: pd.DataFrame, method: str, confounder: str) -> pd.DataFrame | None:
    """Return one method's rows of one confounder, indexed by frame; None where there are none."""
    index = areas.index
    here = (index.get_level_values("method") == method) & (index.get_level_values("confounder") == confounder)
    return areas[here].droplevel(["method", "confounder"]) if here.any() else None


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
    return {**each, ALL: int((~one).any(axis=1).sum())}


def _areas(cases: pd.DataFrame) -> pd.DataFrame:
    """Return untouched, auc and drop, indexed by frame and confounder; `all` is the mean over the confounders."""
    curves = _curves(cases)
    strengths = curves.columns.to_numpy(dtype=np.float64)
    auc = np.trapezoid(curves.to_numpy(dtype=np.float64), strengths, axis=1) / strengths[-1]
    single = pd.DataFrame({"untouched": curves[0.0], "auc": auc, "drop": curves[0.0] - auc}, index=curves.index)
    found = single.groupby(level=_FRAME, sort=False)["auc"].transform("size")
    complete = single[found == cases["confounder"][cases["confounder"] != UNTOUCHED].nunique()]
    overall = complete.groupby(level=_FRAME, sort=False).mean()
    overall.index = pd.MultiIndex.from_tuples([(*key, ALL) for key in overall.index], names=single.index.names)
    return pd.concat([single, overall])


def _by_site(values: pd.Series[float]) -> Iterator[pd.Series[float]]:
    for _, own in values.groupby(level="held_out", sort=False):
        yield own


def _floats(values: pd.Series[float]) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _mean_of(values: pd.Series[float]) -> float:
    return float(np.mean([own.mean() for own in _by_site(values)]))


def _mean(values: pd.Series[float], draws: int, seed: int, *names: str) -> tuple[int, float, float, float]:
    """Return the number of frames, the mean over sites of the mean over frames, and its interval."""
    rng = generator("stress", seed, *names)
    samples = []
    for own in _by_site(values):
        groups = own.index.get_level_values("group_id").to_numpy()
        if len(set(groups)) < _LEAST_GROUPS:
            return len(values), _mean_of(values), np.nan, np.nan
        samples.append(mean_draws(_floats(own), groups, draws, rng))
    return len(values), _mean_of(values), *interval(np.mean(samples, axis=0))


def _named(name: str, found: tuple[int, float, float, float]) -> Row:
    n_frames, mean, low, high = found
    return {"n_frames": n_frames, name: mean, f"{name}_low": low, f"{name}_high": high}


def _figures(own: pd.DataFrame, draws: int, seed: int, confounder: str) -> Row:
    figures: Row = {}
    for name in ("auc", "drop"):
        figures |= _named(name, _mean(own[name], draws, seed, confounder, name))
    return figures


def _differences(own: pd.DataFrame, base: pd.DataFrame | None, draws: int, seed: int, confounder: str) -> Row:
    """Return the paired differences from the baseline; nulls for the baseline itself."""
    found: Row = {}
    for name in ("auc", "drop"):
        keys = [f"{name}_difference{part}" for part in ("", "_low", "_high", "_p")]
        values = [np.nan] * 4 if base is None else _compared(own[name], base[name], draws, seed, confounder, name)
        found |= dict(zip(keys, values, strict=True))
    return found


def _compared(ours: pd.Series[float], theirs: pd.Series[float], draws: int, seed: int, *names: str) -> list[float]:
    """Return difference, low, high and p of the same frames of all sites."""
    ours = ours.droplevel(["method", "confounder"])
    difference = ours - theirs.reindex(ours.index)
    pairs = [Pairs(_floats(own), own.index.get_level_values("group_id").to_numpy()) for own in _by_site(difference)]
    found = compare(pairs, draws, generator("stress", seed, "comparison", *names))
    few = any(len(set(pair.groups)) < _LEAST_GROUPS for pair in pairs)
    low, high = (np.nan, np.nan) if few else (found.low, found.high)
    return [found.difference, low, high, found.p]


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Add p values that hold for all single confounders of a method, and for the means of all methods, together."""
    if rows.empty:
        return rows
    family = rows["method"].where(rows["confounder"] != ALL, ALL)
    for name in ("auc", "drop"):
        p = rows[f"{name}_difference_p"]
        corrected = p.groupby(family).transform(_holm)
        rows.insert(list(rows.columns).index(f"{name}_difference_p") + 1, f"{name}_difference_p_holm", corrected)
    return rows


def _holm(p: pd.Series[float]) -> pd.Series[float]:
    there = p.notna()
    return p.where(~there, pd.Series(dict(zip(p.index[there], holm(p[there].tolist()), strict=True)), dtype="float64"))
