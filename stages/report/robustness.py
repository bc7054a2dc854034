"""The stress test on the page: Dice under one confounder after the other, from none of it to its full strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from mcdrl.drawing.charts import Mark, Scale, axis_row, scale, strip
from mcdrl.drawing.plots import Curve, curves
from mcdrl.metrics.robustness import ALL, stress_curves, stress_table
from stages.report import views
from stages.report.tables import Draws
from stages.report.views import Chart, ChartRow, Panel, Row, Sheet, number, seed_span, span_or_why

_SHARE = (0.0, 1.0)
_STRENGTHS = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))


def stress_tables(stress: pd.DataFrame, draws: Draws, reference: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the curves and the robustness figures of `mcdrl.metrics.robustness`; without a row for no stress."""
    if stress.empty:
        return pd.DataFrame(), pd.DataFrame()
    return stress_curves(stress, draws.count, draws.seed), stress_table(stress, reference, draws.count, draws.seed)


def stress_csv(points: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """Return the curves with the figures of each beside its points, and the figures over all confounders."""
    if points.empty:
        return points
    rows = points.merge(figures.drop(columns="n_frames"), on=["method", "confounder"], how="left")
    return pd.concat([rows, figures[figures["confounder"] == ALL]], ignore_index=True)


def stress_panels(points: pd.DataFrame, methods: Sequence[str]) -> list[Panel]:
    """Draw a panel a confounder, all on the same axes."""
    ends = [*points["dice"], *points["dice_low"], *points["dice_high"]]
    y_axis = scale(ends, least=0.2, fixed=_SHARE)
    panels = []
    for name, own in points.groupby("confounder", sort=False):
        series = [_curve(own[own["method"] == method], method, style) for style, method in enumerate(methods)]
        panels.append(Panel(str(name), curves(series, _STRENGTHS, y_axis, "strength"), []))
    return panels


def drop_chart(figures: pd.DataFrame, methods: Sequence[str]) -> Chart:
    """Draw what each confounder costs each method, with intervals; all confounders together come first."""
    axis = scale([0.0, *figures["drop"], *figures["drop_low"], *figures["drop_high"]], least=0.05)
    rows = []
    for name in [ALL, *[name for name in dict.fromkeys(figures["confounder"]) if name != ALL]]:
        own = {row["method"]: row for row in views.records(figures[figures["confounder"] == name])}
        marks = [_drop_mark(own[method], style) for style, method in enumerate(methods) if method in own]
        label = "all confounders" if name == ALL else str(name)
        rows.append(ChartRow(label, strip(marks, axis), strong=name == ALL))
    return Chart(rows, axis_row(axis))


def stress_sheet(figures: pd.DataFrame) -> Sheet:
    """Format areas and drops."""
    return views.sheet(
        figures,
        {
            "method": lambda r: r["method"],
            "confounder": lambda r: r["confounder"],
            "frames": lambda r: f"{r['n_frames']} of {r['n_frames'] + r['n_undefined']}",
            "Dice untouched": lambda r: number(r["dice_untouched"]),
            "area under the curve": lambda r: number(r["auc"]),
            "95 % interval": lambda r: span_or_why(r["auc_low"], r["auc_high"], r["fewest_groups"]),
            "drop": lambda r: number(r["drop"]),
            "less the baseline's": lambda r: views.signed(r["drop_difference"]),
            "95 % interval, frames": lambda r: _compared(r, span_or_why, "", "fewest_groups"),
            "95 % interval, seeds": lambda r: _compared(r, seed_span, "_seed", "n_seeds"),
            "p after Holm": _p_and_verdict,
        },
        (ALL,),
        by="confounder",
    )


def _p_and_verdict(row: Row) -> str:
    """Return p after Holm as text, and whether the difference is sure."""
    p = views.p_value(row["drop_difference_p_holm"])
    return f"{p}, sure" if pd.notna(row["drop_difference_sure"]) and row["drop_difference_sure"] else p


def _compared(row: Row, write: Callable[[Any, Any, int], str], kind: str, count: str) -> str:
    """Return an interval of the difference of drops as text; nothing for the baseline, which has none."""
    if pd.isna(row["drop_difference"]):
        return ""
    return write(row[f"drop_difference{kind}_low"], row[f"drop_difference{kind}_high"], row[count])


def _curve(own: pd.DataFrame, method: str, style: int) -> Curve:
    rows = views.records(own)
    points = [(float(row["strength"]), float(row["dice"])) for row in rows]
    band = [(float(row["strength"]), float(row["dice_low"]), float(row["dice_high"])) for row in rows]
    return Curve(method, style, points, band, dots=True)


def _drop_mark(row: Row, style: int) -> Mark:
    between = span_or_why(row["drop_low"], row["drop_high"], row["fewest_groups"])
    text = f"{row['method']}, {row['confounder']}: loses {number(row['drop'])} ({between})"
    return Mark(float(row["drop"]), float(row["drop_low"]), float(row["drop_high"]), style, text)
