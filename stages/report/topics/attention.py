"""What the intervention asks the dictionary for, and whether that confounder is really in the frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mcdrl.drawing.charts import Chart, ChartRow, Dot, axis_row, scale, strip
from mcdrl.drawing.formatting import counted, number
from mcdrl.drawing.html_tables import HtmlTable, Row, html_table, records
from mcdrl.drawing.overlays import Shot
from mcdrl.drawing.plots import Panel, heat_map
from mcdrl.metrics.attention import attention_auroc, most_wrong, proxies
from mcdrl.study.sections.report import Params
from stages.report.inputs import Inputs
from stages.report.pictures import bare_shot
from stages.report.results import Results
from stages.report.topic import Question, Topic

_FRAME = ["method", "held_out", "case_id"]
_MISSED = 6  # frames whose attention is wrong, of a method
_Truth = tuple[pd.DataFrame, float, str]  # strengths, from which strength a confounder is there, "known" or "measured"


def topic(results: Results) -> Topic:
    """Return attention.csv, the section, and what is attended to; nothing where no method intervenes."""
    inputs, params = results.inputs, results.params
    if inputs.attention.empty:
        return Topic("attention", "Attention", None)
    rows = attention_table(inputs.attention, inputs.strengths, inputs.profile, params)
    values = {
        "panels": attention_panels(frame_weights(inputs.attention)),
        "auroc": auroc_chart(rows, results.study.methods),
        "figures": attention_html(rows),
        "missed": missed_shots(inputs, results.artifacts, params),
        "ranked_from": params.ranked_from,
        "phrases": len(inputs.dictionary),
    }
    words = [(Question.WHAT_IT_LOOKS_AT, what_it_looks_at(rows))]
    return Topic("attention", "Attention", values, {"missed": {}}, {"attention": rows}, sentences=words)


def frame_weights(attention: pd.DataFrame) -> pd.DataFrame:
    """Return the weight of each confounder in each frame, means over the seeds: `_FRAME`, confounder, weight."""
    return attention.groupby([*_FRAME, "confounder"], sort=False, as_index=False).agg({"weight": "mean"})


def attention_table(
    attention: pd.DataFrame, strengths: pd.DataFrame, profile: pd.DataFrame, params: Params
) -> pd.DataFrame:
    """Return how much each confounder is attended to, and whether more so in frames that have it.

    Args:
        attention: rows of `ATTENTION`.
        strengths: rows of `STRENGTHS`, of the sites where they are known.
        profile: rows of `PROFILE`; of the other sites it says which frames look most like a confounder.
        params: from where on a confounder counts as there.

    Returns:
        Columns `method, confounder, weight, auroc, n_sites, n_present, n_frames, truth`: means over the seeds, then the
        held-out sites. `auroc` is the chance that a frame with the confounder has more weight on it than one of the
        same site without, over the `n_sites` where there are both; null where there is none. `n_present` of the
        `n_frames` that were judged have it, which is "known" of a site, "measured" in its pixels, "both", or null.
    """
    keys = ["method", "confounder"]
    weights = frame_weights(attention).groupby([*keys, "held_out"], sort=False)["weight"].mean()
    rows = weights.groupby(keys, sort=False).mean().reset_index()
    found = _judged(attention, strengths, profile, params)
    sites = found.groupby([*keys, "held_out", "truth"], sort=False, as_index=False).agg(
        auroc=("auroc", "mean"), n_present=("n_present", "max"), n_absent=("n_absent", "max")
    )
    sites = sites.assign(n_frames=sites["n_present"] + sites["n_absent"], n_sites=sites["auroc"].notna())
    judged = sites.groupby(keys, sort=False, as_index=False).agg(
        auroc=("auroc", "mean"), n_sites=("n_sites", "sum"), n_present=("n_present", "sum"),
        n_frames=("n_frames", "sum"), truth=("truth", _both),
    )  # fmt: skip
    counts = ["n_sites", "n_present", "n_frames"]
    both = rows.merge(judged, on=keys, how="left")
    return both.assign(**both[counts].fillna(0).astype("int64"))


def wrong_frames(
    attention: pd.DataFrame, strengths: pd.DataFrame, profile: pd.DataFrame, params: Params, count: int
) -> pd.DataFrame:
    """Return the frames of each method's first seed where attention is farthest from what is there, the worst first.

    Returns:
        Rows of `most_wrong`, at most `count` a method.
    """
    first = attention[attention["seed"] == attention["seed"].min()]
    parts = [most_wrong(first, truth, count, limit) for truth, limit, _ in _truths(first, strengths, profile, params)]
    rows = pd.concat([attention.iloc[:0][["method", "case_id"]].assign(gap=0.0), *parts])
    ranked = rows.sort_values(["gap", "case_id"], ascending=[False, True], kind="stable")
    return ranked.groupby("method", sort=False).head(count)


def attention_panels(weights: pd.DataFrame) -> list[Panel]:
    """Draw the mean weight in per cent, confounder by held-out site, a panel a method."""
    means = weights.groupby(["method", "held_out", "confounder"], sort=False)["weight"].mean() * 100
    panels = []
    for method in dict.fromkeys(weights["method"]):
        wide = means[method].unstack("held_out", sort=False)
        svg = heat_map(
            wide.to_numpy(),
            list(wide.index),
            list(wide.columns),
            low=float(means.min()),
            high=float(means.max()),
            digits=1,
        )
        panels.append(Panel(str(method), svg, []))
    return panels


def auroc_chart(table: pd.DataFrame, methods: Sequence[str]) -> Chart | None:
    """Draw the AUROC of each confounder; None where no site says what is in its frames."""
    if table["auroc"].isna().all():
        return None
    axis = scale([0.5, *table["auroc"]], fixed=(0.0, 1.0), neutral=0.5)
    rows = []
    for name in dict.fromkeys(table["confounder"]):
        own = records(table[table["confounder"] == name])
        marks = [
            Dot(float(row["auroc"]), np.nan, np.nan, list(methods).index(row["method"]),
                 f"{row['method']}, {name}: {number(row['auroc'], 2)}, {row['n_present']} frames have it")
            for row in own
        ]  # fmt: skip
        rows.append(ChartRow(str(name), strip(marks, axis)))
    return Chart(rows, axis_row(axis))


def attention_html(table: pd.DataFrame) -> HtmlTable:
    """Format weights and AUROC."""
    return html_table(
        table,
        {
            "method": lambda r: r["method"],
            "confounder": lambda r: r["confounder"],
            "mean weight, %": lambda r: number(100 * r["weight"], 1),
            "AUROC": lambda r: number(r["auroc"], 2),
            "sites with it and without": lambda r: str(r["n_sites"]),
            "frames that have it": lambda r: str(r["n_present"]),
            "frames judged": lambda r: str(r["n_frames"]),
            "what is there": lambda r: "–" if pd.isna(r["truth"]) else r["truth"],
        },
    )


def what_it_looks_at(attention: pd.DataFrame) -> str:
    """Say whether methods attend more to a confounder where it is; empty where that is not known.

    Args:
        attention: as from `attention_table`.
    """
    known = [row for row in records(attention) if not pd.isna(row["auroc"])]
    methods = dict.fromkeys(str(row["method"]) for row in known)
    return " ".join(_attends(method, [row for row in known if row["method"] == method]) for method in methods)


def missed_shots(inputs: Inputs, artifacts: Path, params: Params) -> dict[str, list[Shot]]:
    """Return, for every method that intervenes, the frames whose attention is farthest from what is in them."""
    rows = wrong_frames(inputs.attention, inputs.strengths, inputs.profile, params, _MISSED)
    return {
        str(method): [bare_shot(artifacts, row["held_out"], row["case_id"], _missed_note(row)) for row in records(own)]
        for method, own in rows.groupby("method", sort=False)
    }


def _judged(attention: pd.DataFrame, strengths: pd.DataFrame, profile: pd.DataFrame, params: Params) -> pd.DataFrame:
    parts = [
        attention_auroc(attention, truth, limit).assign(truth=words)
        for truth, limit, words in _truths(attention, strengths, profile, params)
    ]
    names = ["method", "held_out", "seed", "confounder", "auroc", "n_present", "n_absent", "truth"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def _truths(
    attention: pd.DataFrame, strengths: pd.DataFrame, profile: pd.DataFrame, params: Params
) -> Iterator[_Truth]:
    """Yield what is known of the frames, and for sites where nothing is, what they look like."""
    own = profile[profile["case_id"].isin(attention["case_id"])]
    told = own["site"].isin(own.loc[own["case_id"].isin(strengths["case_id"]), "site"])
    if len(strengths):
        yield strengths, params.present_from, "known"
    for _, site in own[~told].groupby("site", sort=False):
        yield proxies(site), params.ranked_from, "measured"


def _both(words: pd.Series[str]) -> str:
    return str(words.iloc[0]) if words.nunique() == 1 else "both"


def _attends(method: str, rows: Sequence[Row]) -> str:
    ranked = sorted(rows, key=lambda row: float(row["auroc"]))
    mean = sum(float(row["auroc"]) for row in rows) / len(rows)
    return (
        f"Does {method} attend more to a confounder where it is there? AUROC {number(mean, 2)} on average over "
        f"{counted(len(rows), 'confounder')} (0.5 is chance), from the lowest, {number(ranked[0]['auroc'], 2)} for "
        f"{ranked[0]['confounder']}, to the highest, {number(ranked[-1]['auroc'], 2)} for {ranked[-1]['confounder']}."
    )


def _missed_note(row: Row) -> str:
    return (
        f"there: {row['present']} ({100 * row['weight_present']:.1f} % of the attention); "
        f"attended: {row['attended']} ({100 * row['weight']:.1f} %)"
    )
