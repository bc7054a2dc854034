"""The stress test: Dice under one confounder after the other, from none of it to its full strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.confounders.finished import Stressed
from mcdrl.confounders.registry import REGISTRY, of_a_dictionary, without_operator
from mcdrl.confounders.strips import strips
from mcdrl.drawing.charts import SHARE, Chart, ChartRow, Dot, Scale, axis_row, scale, strip
from mcdrl.drawing.formatting import (
    bare_points,
    counted,
    interval_or_why,
    number,
    p_value,
    points,
    seed_span,
    signed,
    span_or_why,
    too_few,
)
from mcdrl.drawing.html_tables import HtmlTable, Row, html_table, records
from mcdrl.drawing.overlays import Shot, outline, picture
from mcdrl.drawing.plots import Curve, Panel, curves
from mcdrl.metrics.intervals import LEAST_GROUPS
from mcdrl.metrics.paired import SURE, excludes_zero
from mcdrl.metrics.robustness import ALL, stress_curves, stress_table
from stages.report.averages import Draws
from stages.report.inputs import Inputs
from stages.report.pictures import frames_and_masks
from stages.report.results import Results
from stages.report.topic import Question, Topic

_LEAST_TOLD = 5e-4  # what rounds to 0.0 points is no cost
_STRENGTHS = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))


def topic(results: Results) -> Topic:
    """Return stress.csv, the section, and what confounders cost; nothing where no stress was measured."""
    inputs, methods = results.inputs, results.study.methods
    if inputs.stress.empty:
        return Topic("stress", "Stress test", None)
    curve, figures = stress_tables(inputs.stress, results.draws, results.reference)
    if figures.empty:  # no lesion is left at all strengths of any confounder
        return Topic("stress", "Stress test", None)
    values = {
        "panels": stress_panels(curve, methods),
        "drops": drop_chart(figures, methods),
        "figures": stress_html(figures),
        "stressed": stressed_shots(inputs, results.artifacts),
        "fewest_groups": int(figures["fewest_groups"].min()),
        "least_groups": LEAST_GROUPS,
        "untested": without_operator(inputs.dictionary["confounder"]),
    }
    words = [(Question.UNDER_STRESS, under_stress(figures, results.reference))]
    return Topic("stress", "Stress test", values, tables={"stress": stress_csv(curve, figures)}, sentences=words)


def stress_tables(stress: pd.DataFrame, draws: Draws, reference: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the curves and the robustness figures of `mcdrl.metrics.robustness`."""
    return stress_curves(stress, draws.count, draws.seed), stress_table(stress, reference, draws.count, draws.seed)


def stress_csv(curve: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """Return the curves with the figures of each beside its points, and the figures over all confounders."""
    rows = curve.merge(figures.drop(columns="n_frames"), on=["method", "confounder"], how="left")
    return pd.concat([rows, figures[figures["confounder"] == ALL]], ignore_index=True)


def stress_panels(curve: pd.DataFrame, methods: Sequence[str]) -> list[Panel]:
    """Draw a panel a confounder, all on the same axes."""
    ends = [*curve["dice"], *curve["dice_low"], *curve["dice_high"]]
    y_axis = scale(ends, least=0.2, fixed=SHARE)
    panels = []
    for name, own in curve.groupby("confounder", sort=False):
        series = [_curve(own[own["method"] == method], method, style) for style, method in enumerate(methods)]
        panels.append(Panel(str(name), curves(series, _STRENGTHS, y_axis, "strength"), []))
    return panels


def drop_chart(figures: pd.DataFrame, methods: Sequence[str]) -> Chart:
    """Draw what each confounder costs each method, with intervals; all confounders together come first."""
    axis = scale([0.0, *figures["drop"], *figures["drop_low"], *figures["drop_high"]], least=0.05)
    rows = []
    for name in sorted(dict.fromkeys(figures["confounder"]), key=lambda name: name != ALL):
        own = {row["method"]: row for row in records(figures[figures["confounder"] == name])}
        marks = [_drop_mark(own[method], style) for style, method in enumerate(methods) if method in own]
        label = "all of the dictionary" if name == ALL else str(name)
        rows.append(ChartRow(label, strip(marks, axis), strong=name == ALL))
    return Chart(rows, axis_row(axis))


def stress_html(figures: pd.DataFrame) -> HtmlTable:
    """Format areas and drops."""
    return html_table(
        figures,
        {
            "method": lambda r: r["method"],
            "confounder": lambda r: r["confounder"],
            "frames": lambda r: f"{r['n_frames']} of {r['n_frames'] + r['n_undefined']}",
            "Dice untouched": lambda r: number(r["dice_untouched"]),
            "area under the curve": lambda r: number(r["auc"]),
            "95 % interval": lambda r: interval_or_why(r["auc_low"], r["auc_high"], r["fewest_groups"]),
            "drop": lambda r: number(r["drop"]),
            "less the baseline's": lambda r: signed(r["drop_difference"]),
            "95 % interval, frames": lambda r: _compared(r, span_or_why, "", "fewest_groups"),
            "95 % interval, seeds": lambda r: _compared(r, seed_span, "_seed", "n_seeds"),
            "p after Holm": _p_and_verdict,
        },
        (ALL,),
        by="confounder",
    )


def under_stress(figures: pd.DataFrame, reference: str) -> str:
    """Say what confounders cost each method, and which method is shown to be flatter."""
    rows = records(figures[figures["confounder"] == ALL])
    single = figures[figures["confounder"].map(lambda name: name != ALL and of_a_dictionary(name))]
    parts = [_cost(rows)]
    changed = set(figures.loc[figures["drop_difference"] != 0, "method"])
    parts += [
        _flatter(row, reference)
        if row["method"] in changed
        else f"{row['method']} loses as much as the {reference}, under every confounder."
        for row in rows
        if not pd.isna(row["drop_difference"])
    ]
    if len(single):
        worst = single.groupby("confounder", sort=False)["drop"].mean()
        if worst.max() >= _LEAST_TOLD:
            most = f"{worst.idxmax()} costs most ({points(worst.max())})"
            parts.append(f"Each by the frames that it leaves a lesion, {most}.")
    return " ".join([*parts, *_screens(figures)])


def _cost(rows: Sequence[Row]) -> str:
    """Say what all confounders of the dictionary together cost, given each method's row."""
    if not rows:
        return "In no frame is the lesion left under all confounders, so nothing is said of all of them together."
    drops = "; ".join(f"{row['method']} {points(row['drop'])}" for row in rows)
    return (
        f"Confounders of rising strength, averaged over the dictionary's and their strengths, cost {drops} of Dice "
        f"({counted(rows[0]['n_frames'], 'frame')})."
    )


def _screens(figures: pd.DataFrame) -> list[str]:
    """Say what a screen around the frame costs where it is taken whole, and where it is cut to the view."""
    whole, cut = (records(figures[figures["confounder"] == REGISTRY[name].phrase]) for name in ("screen", "screen_cut"))
    costs = "; ".join(
        f"{one['method']} {points(one['drop'])} and {points(other['drop'])}"
        for one, other in zip(whole, cut, strict=True)
    )
    return [f"A whole screen around the frame costs, taken whole and cut to the view: {costs}."] * bool(costs)


def stressed_shots(inputs: Inputs, artifacts: Path) -> list[Shot]:
    """Return one frame of the stress test as it is, and under each confounder at the greatest strength of the test.

    It is of the first held-out site that has a frame with a lesion under test; none where no site has.
    """
    tested = inputs.stress.dropna(subset=["dice"])
    site = next((site for site in inputs.study.held_out if (tested["held_out"] == site).any()), None)
    if site is None:
        return []
    case = str(tested.loc[tested["held_out"] == site, "case_id"].min())
    strength = float(inputs.stress["strength"].max())
    (frame,), (mask,) = frames_and_masks(artifacts, site, [case])
    found = strips(frame, mask, case, [strength])
    shots = [_stressed_shot("untouched", case, found[0].pictures[0])]
    return shots + [_stressed_shot(strip.confounder, f"strength {strength:g}", strip.pictures[-1]) for strip in found]


def _p_and_verdict(row: Row) -> str:
    """Return p after Holm as text, and whether the difference is sure."""
    p = p_value(row["drop_difference_p_holm"])
    return f"{p}, sure" if pd.notna(row["drop_difference_sure"]) and row["drop_difference_sure"] else p


def _compared(row: Row, write: Callable[[Any, Any, int], str], kind: str, count: str) -> str:
    """Return an interval of the difference of drops as text; nothing for the baseline, which has none."""
    if pd.isna(row["drop_difference"]):
        return ""
    return write(row[f"drop_difference{kind}_low"], row[f"drop_difference{kind}_high"], row[count])


def _curve(own: pd.DataFrame, method: str, style: int) -> Curve:
    rows = records(own)
    places = [(float(row["strength"]), float(row["dice"])) for row in rows]
    band = [(float(row["strength"]), float(row["dice_low"]), float(row["dice_high"])) for row in rows]
    return Curve(method, style, places, band, dots=True)


def _drop_mark(row: Row, style: int) -> Dot:
    between = interval_or_why(row["drop_low"], row["drop_high"], row["fewest_groups"])
    text = f"{row['method']}, {row['confounder']}: loses {number(row['drop'])} ({between})"
    return Dot(float(row["drop"]), float(row["drop_low"]), float(row["drop_high"]), style, text)


def _flatter(row: Row, reference: str) -> str:
    change, low, high = row["drop_difference"], row["drop_difference_low"], row["drop_difference_high"]
    than = f"{points(abs(change))} {'less' if change < 0 else 'more'} than the {reference}"
    if float(bare_points(change)) == 0:
        than = f"as much as the {reference}, to a tenth of a point"
    words = f"{row['method']} loses {than}"
    if pd.isna(low):
        return f"{words}; no interval: {too_few(row['fewest_groups'])}."
    if not row["drop_difference_sure"]:
        return f"{words} (95 % interval {bare_points(low)} to {bare_points(high)}), {_unsure(row)}"
    end = "flatter" if change < 0 else "less robust"
    seeds = f"{bare_points(row['drop_difference_seed_low'])} to {bare_points(row['drop_difference_seed_high'])}"
    return f"{words} (95 % interval {bare_points(low)} to {bare_points(high)}, over seeds {seeds}): it is {end}."


def _unsure(row: Row) -> str:
    """Return why a difference under stress is no verdict on the methods."""
    frames = excludes_zero(row["drop_difference_low"], row["drop_difference_high"])
    if frames and row["n_seeds"] == 1 and row["drop_difference_p_holm"] < SURE:
        return "in one training each: more seeds have to confirm it."
    return "which may be chance: neither is shown to be flatter."


def _stressed_shot(title: str, note: str, shown: Stressed) -> Shot:
    return Shot(picture(shown.image), shown.image.shape[0], (("truth", outline(shown.shown_mask)),), title, note)
