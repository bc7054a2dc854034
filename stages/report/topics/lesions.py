"""Results by lesion class, over the frames of all held-out sites."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mcdrl.drawing.charts import SHARE, Chart, ChartRow, axis_row, interval_mark, scale, strip
from mcdrl.drawing.formatting import interval_or_why, number
from mcdrl.drawing.html_tables import HtmlTable, html_table, records
from mcdrl.metrics.registry import FRAME_METRICS
from stages.report.averages import Draws, best_high, by, lesion_scores, metric_columns
from stages.report.results import Results
from stages.report.topic import Question, Topic

_LOW_DICE = 0.5


def topic(results: Results) -> Topic:
    """Return lesions.csv, the section, and on which lesions the best method fails."""
    rows, best = lesions_table(results.frames, results.draws), results.best_method
    values = {"chart": lesion_chart(rows, results.study.methods), "lesions": lesions_html(rows)}
    said = (worst_class(rows, best), failures(results.frames, best))
    words = [(Question.WHERE_IT_FAILS, sentence) for sentence in said]
    return Topic("lesions", "Lesions", values, tables={"lesions": rows}, sentences=words)


def lesions_table(frames: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return a row a (method, lesion class) over the frames of all held-out sites, each with equal weight.

    `n_undefined` of the `n_frames` have a lesion that vanishes at so few pixels, and so neither NSD nor HD95.
    """
    lesion = frames[frames["has_lesion"]]
    return pd.DataFrame(
        [
            {"method": method, "lesion_class": kind, "n_frames": len(own)}
            | lesion_scores(own, draws.interval([own], "dice", kind))
            for method, mine in by(lesion, "method")
            for kind, own in by(mine.sort_values("lesion_class", kind="stable"), "lesion_class")
        ],
        columns=None if len(lesion) else ["method", "lesion_class", "n_frames"],
    )


def worst_class(lesions: pd.DataFrame, method: str) -> str:
    """Say which lesion class has the lowest Dice; empty where there is one class at most."""
    rows = records(lesions[lesions["method"] == method])
    if len(rows) < 2:
        return ""
    row = min(rows, key=lambda one: float(one["dice"]))
    return f"Of the lesion classes, {row['lesion_class']} has the lowest: {number(row['dice'])}, n {row['n_frames']}."


def failures(frames: pd.DataFrame, method: str) -> str:
    """Say on how many frames with a lesion a method fails; empty where there is none."""
    dice = frames.loc[frames["method"] == method, "dice"].dropna()
    low, lost = int((dice < _LOW_DICE).sum()), int((dice == 0).sum())
    if not len(dice):
        return ""
    return f"{low} of {len(dice)} frames with a lesion stay below a Dice of {_LOW_DICE:g}, {lost} of these at zero."


def lesion_chart(lesions: pd.DataFrame, methods: Sequence[str]) -> Chart | None:
    """Draw Dice with its interval by lesion class; None where no frame has a lesion."""
    if lesions.empty:
        return None
    axis = scale([*lesions["dice"], *lesions["dice_low"], *lesions["dice_high"]], fixed=SHARE)
    rows = []
    for name in dict.fromkeys(lesions["lesion_class"]):
        marks = [
            interval_mark(
                f"{row['method']}, {name}", row["dice"], (row["dice_low"], row["dice_high"]), row["n_groups"],
                methods.index(row["method"]),
            )
            for row in records(lesions[lesions["lesion_class"] == name])
        ]  # fmt: skip
        rows.append(ChartRow(str(name), strip(marks, axis)))
    return Chart(rows, axis_row(axis))


def lesions_html(rows: pd.DataFrame) -> HtmlTable:
    """Format the scores of each method and lesion class."""
    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "lesion class": lambda r: r["lesion_class"],
            "frames": lambda r: str(r["n_frames"]),
            "vanished": lambda r: str(r["n_undefined"]),
            "groups": lambda r: str(r["n_groups"]),
            **metric_columns(
                lambda r: interval_or_why(r["dice_low"], r["dice_high"], r["n_groups"]),
                [one for one in FRAME_METRICS.values() if one.over == "lesion"],
            ),
        },
        descending=best_high(),
    )
