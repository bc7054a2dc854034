"""Rows that can be followed by hand: of scores, and of the tables that sentences are read from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mcdrl.metrics.registry import FRAME_METRICS
from stages.report.averages import Draws, frame_scores

DRAWS = Draws(200, 0)
PIXELS = 100


def frame(method, site, case, dice, *, group=None, seed=0, lesion=True, fp=0, hd95_px=1.0, kind="polyp"):
    """A row of scores; only dice carries a meaning where there is a lesion."""
    tp, fn = (10, 10) if lesion else (0, 0)
    every = {name: dice if lesion or one.over == "all" else np.nan for name, one in FRAME_METRICS.items()}
    return {
        **every,
        "method": method,
        "held_out": site,
        "seed": seed,
        "case_id": f"{site}/{case}",
        "group_id": group or str(case),
        "lesion_class": kind if lesion else None,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": PIXELS - tp - fp - fn,
        "dice": dice if lesion else np.nan,
        "iou": dice / 2 if lesion else np.nan,
        "accuracy": 1 - fp / PIXELS,
        "nsd": dice if lesion else np.nan,
        "hd95_px": hd95_px if lesion else np.nan,
    }


def vanished(method, site, case, dice, **keys):
    """A row of a lesion that the working size has swallowed: it has a Dice at the frame's own size, no NSD or HD95."""
    return frame(method, site, case, dice, **keys) | {"nsd": np.nan, "hd95_px": np.nan}


def raw(*rows):
    return pd.DataFrame(list(rows))


def table(*rows):
    return frame_scores(raw(*rows))


def at(rows, **wanted):
    for key, value in wanted.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def sites_rows(**dice):
    """Rows of sites.csv: each method's mean Dice, ten points above it at A and below it at B."""
    rows = []
    for method, value in dice.items():
        one = {
            "method": method,
            "dice_low": value - 0.03,
            "dice_high": value + 0.03,
            "n_lesion": 40,
            "fewest_groups": 10,
            "worst_site": None,
        }
        rows += [
            one | {"held_out": "A", "dice": value + 0.1},
            one | {"held_out": "B", "dice": value - 0.1},
            one | {"held_out": "mean", "dice": value, "n_lesion": 80},
            one | {"held_out": "worst", "dice": value - 0.1, "worst_site": "B"},
        ]
    return pd.DataFrame(rows)


def comparison(method, difference, low, high, p, seeds=None):
    """A row of comparisons.csv; `seeds` is the interval over three of them, none: one training each."""
    several, (seed_low, seed_high) = seeds is not None, seeds or (np.nan, np.nan)
    return {
        "method": method, "baseline": "baseline", "held_out": "mean", "n_frames": 80, "n_groups": 20,
        "difference": difference, "low": low, "high": high, "p": p, "p_holm": p, "fewest_groups": 10,
        "n_seeds": 3 if several else 1, "seed_low": seed_low, "seed_high": seed_high,
        "sure": several and p < 0.05 and low * high > 0 and seed_low * seed_high > 0,
    }  # fmt: skip
