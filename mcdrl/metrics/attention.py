"""Whether the intervention attends to the confounders that a frame really has."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mcdrl.confounders.registry import REGISTRY

_CELL = ["method", "held_out", "seed"]


def proxies(profile: pd.DataFrame) -> pd.DataFrame:
    """Return measured stand-ins for the strengths that nobody knows of real frames.

    Args:
        profile: rows of profile.parquet, of the frames that are to be compared with one another.

    Returns:
        case_id, confounder, strength: the share of the frames that look as much or less like it, 0..1. Confounders that
        no measure stands for are left out, and so are frames without the measure.
    """
    parts = [
        pd.DataFrame(
            {
                "case_id": profile["case_id"],
                "confounder": entry.phrase,
                "strength": profile[entry.measure.column].rank(pct=True, ascending=entry.measure.rises),
            }
        )
        for entry in REGISTRY.values()
        if entry.measure is not None
    ]
    return pd.concat(parts, ignore_index=True).dropna(ignore_index=True)


def attention_auroc(attention: pd.DataFrame, strengths: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Return how well the attention to a confounder tells the frames that have it from those that don't.

    Args:
        attention: rows of attention.parquet.
        strengths: case_id, confounder, strength of those frames; pairs that are missing stay out.
        limit: strength from which a confounder is present.

    Returns:
        A row a (method, held_out, seed, confounder): auroc (0.5: chance; NaN where all frames have it or none does),
        n_present, n_absent.
    """
    rows = _judged(attention, strengths, limit)
    rows["rank"] = rows.groupby([*_CELL, "confounder"])["weight"].rank()
    rows["rank_present"] = rows["rank"].where(rows["present"], 0.0)
    found = rows.groupby([*_CELL, "confounder"], sort=False, as_index=False).agg(
        n_present=("present", "sum"), n=("present", "size"), ranks=("rank_present", "sum")
    )
    n_present, n_absent = found["n_present"], found["n"] - found["n_present"]
    pairs = (n_present * n_absent).where(n_present * n_absent > 0)
    auroc = (found["ranks"] - n_present * (n_present + 1) / 2) / pairs  # Mann and Whitney's U
    return found[[*_CELL, "confounder"]].assign(auroc=auroc, n_present=n_present, n_absent=n_absent)


def most_wrong(attention: pd.DataFrame, strengths: pd.DataFrame, count: int, limit: float) -> pd.DataFrame:
    """Return the frames where attention is farthest from what is there, the worst first.

    Args:
        attention: rows of attention.parquet.
        strengths: as for `attention_auroc`.
        count: how many frames of each (method, held_out, seed).
        limit: strength from which a confounder is present.

    Returns:
        A row a frame that has a confounder and lacks another: attended (the absent confounder with the highest weight),
        weight, present (the present one with the highest weight), weight_present, gap (the difference of the two).
    """
    rows = _judged(attention, strengths, limit).sort_values("weight", ascending=False, kind="stable")
    keys = [*_CELL, "case_id"]
    top = [rows[rows["present"] == there].drop_duplicates(keys) for there in (False, True)]
    absent, present = (part[[*keys, "confounder", "weight"]] for part in top)
    found = absent.rename(columns={"confounder": "attended"}).merge(
        present.rename(columns={"confounder": "present", "weight": "weight_present"}), on=keys
    )
    found = found.assign(gap=found["weight"] - found["weight_present"])
    found = found.sort_values([*_CELL, "gap", "case_id"], ascending=[True, True, True, False, True])
    return found.groupby(_CELL, sort=False).head(count).reset_index(drop=True)


def _judged(attention: pd.DataFrame, strengths: pd.DataFrame, limit: float) -> pd.DataFrame:
    rows = attention.merge(strengths[["case_id", "confounder", "strength"]], on=["case_id", "confounder"])
    return rows.assign(present=np.asarray(rows["strength"] >= limit))
