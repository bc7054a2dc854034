"""Where the networks can be believed: calibration at held-out sites, and what leaving frames to a human is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.drawing.charts import SHARE, Chart, ChartRow, Dot, Scale, axis_row, scale, strip
from mcdrl.drawing.formatting import counted, number, signed
from mcdrl.drawing.html_tables import HtmlTable, Row, Write, html_table, records
from mcdrl.drawing.plots import Curve, Panel, curves
from mcdrl.metrics.coverage import coverage_table
from stages.report.averages import MEAN
from stages.report.results import Results
from stages.report.topic import Question, Topic

_SHARES = tuple(round(0.05 * k, 2) for k in range(11))  # of the frames, that are left to a human
_TABLED = (0.0, 0.1, 0.2, 0.3)  # those of the table
_COVERAGE = ["dice", "dice_random", "dice_oracle"]
_UNIT = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
_ECE = ["ece_before", "ece_after", "ece_called_before", "ece_called_after"]
_CALIBRATION = ["temperature", *_ECE]


def topic(results: Results) -> Topic:
    """Return three tables where there is something to tell, the section, and when to believe the best method."""
    inputs, best = results.inputs, results.best_method
    coverage, calibration = trust_table(inputs.trust, inputs.scores), calibration_table(inputs.calibration)
    flagged = flagged_table(inputs.trust, inputs.scores)
    named = (("trust", coverage), ("calibration", calibration), ("flagged", flagged))
    tables = {name: rows for name, rows in named if len(rows)}
    words = [*left_to_a_human(coverage, best), *miscalibrated(calibration, best)]
    values = {
        "coverage": _coverage_values(results, coverage, flagged) if len(coverage) else None,
        "calibration": _calibration_values(calibration, results.study.methods) if len(calibration) else None,
        "reliability": reliability_panels(inputs.reliability, results.study.methods),
        "settings": results.settings,
    }
    sentences = [(Question.WHEN_TO_BELIEVE, sentence) for sentence in words]
    return Topic("trust", "Trust", values if tables else None, _short(values), tables, sentences)


def _short(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mean of the sites alone, of both parts that the section may have."""
    coverage, calibration = values["coverage"], values["calibration"]
    return {
        "coverage": coverage and {**coverage, "panels": coverage["panels"][:1], "figures": coverage["figures"].short},
        "calibration": calibration and {**calibration, "figures": calibration["figures"].short},
    }


def calibration_table(calibration: pd.DataFrame) -> pd.DataFrame:
    """Return the temperature and the calibration error before and after it.

    Args:
        calibration: rows of `CALIBRATION`.

    Returns:
        Columns `method, held_out, temperature, ece_before, ece_after, ece_called_before, ece_called_after, n_frames`:
        means over the seeds, and a row `mean` over the sites.
    """
    keys = ["method", "held_out"]
    how = {**dict.fromkeys(_CALIBRATION, "mean"), "n_frames": "max"}
    rows = calibration.groupby(keys, sort=False, as_index=False).agg(how)
    means = rows.groupby("method", sort=False, as_index=False).agg({**how, "n_frames": "sum"}).assign(held_out=MEAN)
    return _by_method(pd.concat([rows, means], ignore_index=True)[[*keys, *_CALIBRATION, "n_frames"]])


def trust_table(trust: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return the Dice of the frames that remain when the least confident ones are left to a human.

    Args:
        trust: rows of `TRUST`.
        scores: rows of `SCORES` of the same cells.

    Returns:
        Columns `method, held_out, left, dice, dice_random, dice_oracle, n_frames`: as from `coverage_table` for each
        share `left` of the frames with a lesion, means over the seeds; rows `mean` are over the sites. `n_frames` are
        all frames with a lesion, before any is left to a human. Without rows where nothing says how sure a model is.
    """
    keys = ["method", "held_out", "seed"]
    both = trust.merge(scores[[*keys, "case_id", "dice"]], on=[*keys, "case_id"]).dropna(subset=["dice"])
    if both.empty:
        return pd.DataFrame()
    parts = {cell: _coverage(own) for cell, own in both.groupby(keys, sort=False)}
    rows = pd.concat(parts, names=keys).reset_index()
    how = dict.fromkeys(_COVERAGE, "mean")
    sites = rows.groupby(["method", "held_out", "left"], sort=False, as_index=False).agg({**how, "n_frames": "max"})
    means = sites.groupby(["method", "left"], sort=False, as_index=False).agg({**how, "n_frames": "sum"})
    return _by_method(pd.concat([sites, means.assign(held_out=MEAN)[sites.columns]], ignore_index=True))


def calibration_chart(table: pd.DataFrame, methods: Sequence[str], error: str = "ece") -> Chart:
    """Draw the calibration error of each site before (hollow) and after the temperature (filled).

    Args:
        table: as from `calibration_table`.
        methods: in the order of the colours.
        error: "ece", over all pixels, or "ece_called", over those called lesion.
    """
    shown = table.assign(before=table[f"{error}_before"], after=table[f"{error}_after"])
    axis = scale([0.0, *table[_ECE].to_numpy().ravel()], least=0.05, fixed=SHARE)
    rows = []
    for name in [MEAN, *[name for name in dict.fromkeys(shown["held_out"]) if name != MEAN]]:
        own = records(shown[shown["held_out"] == name])
        marks = [mark for row in own for mark in _before_after(row, list(methods).index(row["method"]))]
        label = "mean of sites" if name == MEAN else name
        rows.append(ChartRow(label, strip(marks, axis, per_line=2), strong=name == MEAN))
    return Chart(rows, axis_row(axis))


def reliability_panels(reliability: pd.DataFrame, methods: Sequence[str]) -> list[Panel]:
    """Draw how often a pixel of a given probability is lesion, a panel a method, over all held-out sites and seeds."""
    panels = []
    for style, method in enumerate(methods):
        own = reliability[(reliability["method"] == method) & (reliability["n_px"] > 0)]
        if own.empty:
            continue
        series = [
            Curve("before", 7, _reliability(own[~own["calibrated"]]), dashed=True, dots=True),
            Curve("after", style, _reliability(own[own["calibrated"]]), dots=True),
        ]
        svg = curves(series, _UNIT, _UNIT, "probability that the network gives", diagonal=True)
        panels.append(Panel(method, svg, [(7, "before"), (style, "after calibration")]))
    return panels


def coverage_panels(table: pd.DataFrame, methods: Sequence[str], sites: Sequence[str]) -> list[Panel]:
    """Draw the Dice of the remaining frames against the share left to a human: the mean of sites, then each site."""
    y_axis = scale([*table["dice"], *table["dice_oracle"]], least=0.1, fixed=SHARE)
    x_axis = Scale(0.0, 0.5, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5))
    panels = []
    for site in [MEAN, *sites]:
        own = table[table["held_out"] == site]
        series = [
            curve
            for style, method in enumerate(methods)
            for curve in _coverage_curves(own[own["method"] == method], method, style)
        ]
        svg = curves(series, x_axis, y_axis, "share of the frames left to a human")
        panels.append(Panel("mean of sites" if site == MEAN else f"held out: {site}", svg, []))
    return panels


def calibration_html(table: pd.DataFrame) -> HtmlTable:
    """Format the calibration errors."""
    return html_table(
        table,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "temperature": lambda r: number(r["temperature"], 2),
            "ECE, all pixels, before": lambda r: number(r["ece_before"], 4),
            "after": lambda r: number(r["ece_after"], 4),
            "ECE, pixels called lesion, before": lambda r: number(r["ece_called_before"], 4),
            "after ": lambda r: number(r["ece_called_after"], 4),
        },
        (MEAN,),
    )


def coverage_html(table: pd.DataFrame) -> HtmlTable:
    """Format the Dice at a few shares."""
    wide = table.pivot_table(index=["method", "held_out", "n_frames"], columns="left", values="dice", sort=False)
    columns = {f"Dice, {100 * share:.0f} % left": _at(share) for share in _TABLED}
    return html_table(
        wide.reset_index(),
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames with lesion": lambda r: str(r["n_frames"]),
            **columns,
            "gain at 20 %": lambda r: signed(r["0.2"] - r["0.0"]),
        },
        (MEAN,),
    )


def flagged_table(trust: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return how many frames are flagged, and how good the two kinds are.

    Args:
        trust: rows of `TRUST`.
        scores: rows of `SCORES` of the same cells.

    Returns:
        A row a method, over all held-out sites and seeds: `n` predictions, of which `flagged`; `dice_flagged` and
        `dice_other`, each a mean over `n_flagged` or `n_other` frames with a lesion.
    """
    keys = ["method", "held_out", "seed", "case_id"]
    both = trust.merge(scores[[*keys, "dice"]], on=keys)
    return pd.DataFrame([_flagged_row(str(method), own) for method, own in both.groupby("method", sort=False)])


def flagged_html(rows: pd.DataFrame) -> HtmlTable:
    """Format what `flagged_table` returns."""
    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "predictions": lambda r: str(r["n"]),
            "flagged": lambda r: f"{r['flagged']} ({100 * r['flagged'] / r['n']:.1f} %)",
            "Dice where flagged": lambda r: f"{number(r['dice_flagged'])} (n {r['n_flagged']})",
            "Dice elsewhere": lambda r: f"{number(r['dice_other'])} (n {r['n_other']})",
        },
    )


def left_to_a_human(coverage: pd.DataFrame, method: str) -> list[str]:
    """Say what leaving the least confident frames to a human is worth; nothing where no confidence is known."""
    if coverage.empty:
        return []
    own = coverage[(coverage["method"] == method) & (coverage["held_out"] == MEAN)]
    at = {row["left"]: row for row in records(own)}
    return [
        f"With the least confident fifth of the frames left to a human, {method} goes from {number(at[0.0]['dice'])} "
        f"to {number(at[0.2]['dice'])} on the rest ({counted(at[0.0]['n_frames'], 'frame')} before)."
    ]


def miscalibrated(calibration: pd.DataFrame, method: str) -> list[str]:
    """Say by how much the probabilities are off; nothing where that was not measured."""
    return [
        f"Of the pixels that it calls lesion, its probabilities are off by {_off(row, 'ece_called')}; over all pixels, "
        f"most of which are plainly no lesion, by {_off(row, 'ece')} (expected calibration error at unseen sites)."
        for row in records(calibration)
        if row["method"] == method and row["held_out"] == MEAN
    ]


def _coverage_values(results: Results, coverage: pd.DataFrame, flagged: pd.DataFrame) -> dict[str, Any]:
    study = results.study
    return {
        "panels": coverage_panels(coverage, study.methods, study.held_out),
        "figures": coverage_html(coverage),
        "flagged": flagged_html(flagged),
    }


def _calibration_values(calibration: pd.DataFrame, methods: Sequence[str]) -> dict[str, Any]:
    return {
        "called": calibration_chart(calibration, methods, "ece_called"),
        "all_pixels": calibration_chart(calibration, methods),
        "figures": calibration_html(calibration),
    }


def _flagged_row(method: str, own: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {"method": method, "n": len(own), "flagged": int(own["flagged"].sum())}
    for name, part in (("flagged", own[own["flagged"]]), ("other", own[~own["flagged"]])):
        row |= {f"dice_{name}": part["dice"].mean(), f"n_{name}": int(part["dice"].notna().sum())}
    return row


def _coverage_curves(own: pd.DataFrame, method: str, style: int) -> list[Curve]:
    if own.empty:
        return []
    ours, best = (list(zip(own["left"], own[name], strict=True)) for name in ("dice", "dice_oracle"))
    return [Curve(f"{method}, the worst frames left first", style, best, dashed=True), Curve(method, style, ours)]


def _at(share: float) -> Write:
    return lambda r: number(r[str(share)])


def _coverage(own: pd.DataFrame) -> pd.DataFrame:
    confidence, dice = (own[name].to_numpy(dtype=np.float64) for name in ("confidence", "dice"))
    return coverage_table(confidence, dice, _SHARES).assign(n_frames=len(own))


def _before_after(row: Row, style: int) -> list[Dot]:
    label = f"{row['method']}: {number(row['before'])} before, {number(row['after'])} after"
    return [
        Dot(row["before"], np.nan, np.nan, style, label, hollow=True),
        Dot(row["after"], np.nan, np.nan, style, label),
    ]


def _reliability(rows: pd.DataFrame) -> list[tuple[float, float]]:
    weighted = rows.assign(p=rows["mean_probability"] * rows["n_px"], y=rows["lesion_share"] * rows["n_px"])
    sums = weighted.groupby("bin")[["p", "y", "n_px"]].sum()
    return [(float(p / n), float(y / n)) for p, y, n in sums.itertuples(index=False)]


def _off(row: Row, error: str) -> str:
    before, after = (f"{number(100 * row[f'{error}_{end}'], 1)} points" for end in ("before", "after"))
    return f"{before}, and by {after} after calibration on source sites"


def _by_method(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with each method's below each other, in the order in which the methods first occur."""
    order = {method: place for place, method in enumerate(dict.fromkeys(rows["method"]))}
    return rows.sort_values("method", key=lambda names: names.map(order), kind="stable", ignore_index=True)
