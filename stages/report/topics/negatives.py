"""False alarms: what methods call lesion on frames without one."""

from __future__ import annotations

import pandas as pd

from mcdrl.drawing.formatting import counted, interval_or_why, number, percent
from mcdrl.drawing.html_tables import HtmlTable, Row, html_table, records
from stages.report.averages import ALL, Draws, by
from stages.report.results import Results
from stages.report.topic import Question, Topic


def topic(results: Results) -> Topic:
    """Return negatives.csv, the section, and how often the best method raises a false alarm."""
    rows = negatives_table(results.frames, results.draws)
    words = [(Question.WHERE_IT_FAILS, false_alarms(rows, results.best_method))]
    values = {"negatives": negatives_html(rows)}
    return Topic("negatives", "No lesion", values, tables={"negatives": rows}, sentences=words)


def negatives_table(frames: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return what methods call lesion on frames without one: a row a (method, held-out site) and one over all."""
    negative = frames[~frames["has_lesion"]]
    rows = []
    for method, mine in by(negative, "method"):
        rows += [_negative_row(method, site, own, draws) for site, own in by(mine, "held_out")]
        rows.append(_negative_row(method, ALL, mine, draws))
    names = ["method", "held_out", "n_frames", "false_positive_rate", "low", "high", "area_share", "n_groups"]
    return pd.DataFrame(rows, columns=names)


def false_alarms(negatives: pd.DataFrame, method: str) -> str:
    """Say on how many frames without a lesion a method finds one."""
    rows = records(negatives[(negatives["method"] == method) & (negatives["held_out"] == ALL)])
    if not rows:
        return "No held-out frame is without a lesion, so false alarms could not be measured."
    share, of = percent(rows[0]["false_positive_rate"]), counted(rows[0]["n_frames"], "frame")
    return f"It calls something lesion on {share} of {of} without one."


def negatives_html(rows: pd.DataFrame) -> HtmlTable:
    """Format the false alarms."""
    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames without lesion": lambda r: str(r["n_frames"]),
            "false-positive rate": lambda r: number(r["false_positive_rate"]),
            "95 % interval": lambda r: interval_or_why(r["low"], r["high"], r["n_groups"]),
            "false area, % of the frame": lambda r: number(100 * r["area_share"], 2),
        },
        (ALL,),
    )


def _negative_row(method: str, site: str, own: pd.DataFrame, draws: Draws) -> Row:
    rate, groups = float(own["false_positive"].mean()), own["group_id"].nunique()
    low, high = draws.interval([own], "false_positive", site)
    return {
        "method": method, "held_out": site, "n_frames": len(own),
        "false_positive_rate": rate, "low": low, "high": high, "area_share": own["area_share"].mean(),
        "n_groups": groups,
    }  # fmt: skip
