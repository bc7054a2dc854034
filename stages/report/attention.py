"""What the intervention asks the dictionary for, and whether that confounder is really in the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.report import views
from stages.report.charts import Mark, axis_row, scale, strip
from stages.report.plots import heat_map
from stages.report.views import Chart, ChartRow, Panel, Row, Sheet, number

_CLEARLY = 0.5  # strength from which a confounder should be noticed
_FRAME = ["method", "held_out", "case_id"]


def frame_weights(attention: pd.DataFrame) -> pd.DataFrame:
    """Return the weight of each confounder in each frame, means over the seeds: `_FRAME`, confounder, weight."""
    return attention.groupby([*_FRAME, "confounder"], sort=False, as_index=False).agg({"weight": "mean"})


def attention_table(weights: pd.DataFrame, strengths: pd.DataFrame) -> pd.DataFrame:
    """Return how much each confounder is attended to, and whether more so in frames that have it.

    Args:
        weights: as from `frame_weights`.
        strengths: rows of `STRENGTHS`; sites without any have weights alone.

    Returns:
        Columns `method, confounder, weight, auroc, n_sites, n_there, n_frames`: the mean weight over sites; the chance
        that a frame with the confounder has more weight on it than another frame of the same held-out site without,
        mean over the `n_sites` where there are both; null where there is none. `n_there` of `n_frames` have it.
    """
    rows = []
    known = weights.merge(strengths, on=["case_id", "confounder"], how="left")
    for (method, confounder), own in known.groupby(["method", "confounder"], sort=False):
        measured = own.dropna(subset=["strength"])
        areas = [_auroc(part) for _, part in measured.groupby("held_out", sort=False)]
        defined = [area for area in areas if np.isfinite(area)]
        rows.append(
            {
                "method": method, "confounder": confounder,
                "weight": own.groupby("held_out")["weight"].mean().mean(),
                "auroc": float(np.mean(defined)) if defined else np.nan, "n_sites": len(defined),
                "n_there": int((measured["strength"] > 0).sum()), "n_frames": len(own),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def attention_panels(weights: pd.DataFrame) -> list[Panel]:
    """Draw the mean weight in per cent, confounder by held-out site, a panel a method."""
    means = weights.groupby(["method", "held_out", "confounder"], sort=False)["weight"].mean() * 100
    panels = []
    for method in dict.fromkeys(weights["method"]):
        wide = means[method].unstack("held_out", sort=False)
        svg = heat_map(wide.to_numpy(), list(wide.index), list(wide.columns), high=float(means.max()), digits=1)
        panels.append(Panel(str(method), svg, []))
    return panels


def auroc_chart(table: pd.DataFrame, methods: Sequence[str]) -> Chart | None:
    """Draw the AUROC of each confounder; None where no site says what is in its frames."""
    if table["auroc"].isna().all():
        return None
    axis = scale([0.5, *table["auroc"]], fixed=(0.0, 1.0), neutral=0.5)
    rows = []
    for name in dict.fromkeys(table["confounder"]):
        own = views.records(table[table["confounder"] == name])
        marks = [
            Mark(float(row["auroc"]), np.nan, np.nan, list(methods).index(row["method"]),
                 f"{row['method']}, {name}: {number(row['auroc'], 2)}, {row['n_there']} frames have it")
            for row in own
        ]  # fmt: skip
        rows.append(ChartRow(str(name), strip(marks, axis)))
    return Chart(rows, axis_row(axis))


def attention_sheet(table: pd.DataFrame) -> Sheet:
    """Format weights and AUROC."""
    return views.sheet(
        table,
        {
            "method": lambda r: r["method"],
            "confounder": lambda r: r["confounder"],
            "mean weight, %": lambda r: number(100 * r["weight"], 1),
            "AUROC": lambda r: number(r["auroc"], 2),
            "sites with it and without": lambda r: str(r["n_sites"]),
            "frames that have it": lambda r: str(r["n_there"]),
            "frames": lambda r: str(r["n_frames"]),
        },
        (),
    )


def misses(weights: pd.DataFrame, strengths: pd.DataFrame, count: int) -> list[Row]:
    """Return the frames that the attention gets most wrong, the worst first, from a different confounder each.

    Args:
        weights: of one method, as from `frame_weights`.
        strengths: rows of `STRENGTHS`.
        count: frames at most.

    Returns:
        Rows with case_id, held_out, confounder (clearly there), strength, weight, usual (the mean weight of that
        confounder), attended (the confounder with the largest weight, compared with its own mean).
    """
    usual = weights.groupby("confounder", sort=False)["weight"].transform("mean")
    known = weights.assign(usual=usual, ratio=weights["weight"] / usual).merge(strengths, on=["case_id", "confounder"])
    clear = known[known["strength"] >= _CLEARLY].sort_values(["ratio", "case_id"])
    worst = clear.drop_duplicates("confounder").drop_duplicates("case_id").head(count)
    most = known.loc[known.groupby("case_id")["ratio"].idxmax()].set_index("case_id")["confounder"]
    return views.records(worst.assign(attended=worst["case_id"].map(most)))


def _auroc(rows: pd.DataFrame) -> float:
    there = rows["strength"].to_numpy() > 0
    ranks = rows["weight"].rank().to_numpy()
    n, m = int(there.sum()), int((~there).sum())
    return float((ranks[there].sum() - n * (n + 1) / 2) / (n * m)) if n and m else np.nan
