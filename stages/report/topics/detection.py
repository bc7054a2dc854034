"""Lesions found and false alarms: by lesion, by frame, and at the operating point that each model brings along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.base.seeds import generator
from mcdrl.drawing.charts import SHARE, Scale, scale
from mcdrl.drawing.formatting import counted, interval_or_why, listed, number, percent
from mcdrl.drawing.html_tables import HtmlTable, Row, Write, html_table, records
from mcdrl.drawing.plots import Curve, Panel, curves
from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.detection import froc, sensitivity_at
from mcdrl.metrics.ranking import auroc_interval, false_alarms_at, fewest_groups
from stages.report.averages import MEAN, Draws, by
from stages.report.results import Results
from stages.report.topic import Question, Topic

_CELL = ["method", "held_out", "seed"]
_LIMITS = (0.125, 0.5)  # false positives a frame, two of the seven of LUNA16
_SENSITIVITIES = {"false_alarms_90": 0.90, "false_alarms_95": 0.95}  # of frames with a lesion
_FEW_PANELS = 4  # of a page that has no room for all
_ANY = (0.0, np.inf)
_SUMS = ["n_frames", "n_lesions", "n_negative"]


def topic(results: Results) -> Topic:
    """Return detection.csv and froc.csv, the section, and what the best method finds; nothing without its tables."""
    inputs, study = results.inputs, results.study
    if inputs.alarms.empty:
        return Topic("detection", "Lesions found", None)
    frames = joined(inputs.scores, inputs.alarms)
    rows, points = detection_table(frames, inputs.findings, results.draws), froc_table(frames, inputs.findings)
    values: dict[str, Any] = {
        "panels": froc_panels(points, study.methods, study.held_out),
        "lesions": lesions_html(rows),
        "frames": frames_html(rows),
        "without_negatives": _sites_without(rows, "n_negative"),
        "without_lesions": _sites_without(rows, "n_lesions"),
        "settings": results.settings,
    }
    words = [(Question.WHERE_IT_FAILS, sentence) for sentence in found_and_called(rows, results.best_method)]
    tables = {"detection": rows, "froc": points}
    short = {"panels": values["panels"][:_FEW_PANELS]}
    return Topic("detection", "Lesions found", values, short, tables, words, figures(rows))


def joined(scores: pd.DataFrame, alarms: pd.DataFrame) -> pd.DataFrame:
    """Return a row a (method, held-out site, seed, frame) of both tables.

    Returns:
        Their keys, `group_id`, `has_lesion`, `frame_score`, `called` (anything is), `called_share` (of the frame's
        judged pixels), and what the operating point leaves of these: `alarm`, `kept_share`.
    """
    both = alarms.merge(scores, on=[*_CELL, "case_id"])
    pixels = both[["tp", "fp", "fn", "tn"]].sum(axis=1)
    called = both["tp"] + both["fp"]
    return both[[*_CELL, "case_id", "group_id", "frame_score", "alarm"]].assign(
        has_lesion=both["lesion_class"].notna(), called=called > 0, called_share=called / pixels,
        kept_share=both["kept_px"] / pixels,
    )  # fmt: skip


def detection_table(frames: pd.DataFrame, findings: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return what is found and what is called in vain: a row a (method, held-out site), then a method's `mean`.

    Args:
        frames: as from `joined`.
        findings: rows of `FINDINGS` of the same cells.
        draws: how intervals are drawn.

    Returns:
        Of lesions: `lesion_sensitivity` (share of the `n_lesions` that a component of the mask hits), `false_positives`
        (components that hit none, a frame), each with _low and _high (95 %), `sensitivity_at_0.125` and `_0.5` (the
        most with at most so many false positives a frame, by the components' scores). Of frames: `frame_auroc` of
        their scores, with _low and _high, `false_alarms_90` and `_95` (share of the `n_negative` frames without a
        lesion that are called where 90 and 95 % of the others are), `called` (share of these in which anything is),
        `called_share` (of such a frame). Then, with op_ in front, at the operating point: both of lesions,
        `op_frame_sensitivity` (frames with a lesion that are called), `op_false_alarms`, `op_called_share`. Means over
        the seeds; null where a site has no frame of the kind. A mean is over the sites that have the figure. Intervals
        are null below five groups, and where groups show no spread, but for a site's sensitivity of 0 or 1, whose is
        Wilson's. `lesion_groups`, `n_groups` and `frame_groups` (of the kind of frames that has fewer) are those of
        the intervals.
    """
    rows: list[Row] = []
    for method, mine in by(frames, "method"):
        found = findings[findings["method"] == method]
        sites = {site: _Site(own, found[found["held_out"] == site]) for site, own in by(mine, "held_out")}
        own_rows = [{"method": method, "held_out": site, **one.row(draws, site)} for site, one in sites.items()]
        rows += [*own_rows, {"method": method, "held_out": MEAN, **_mean_row(list(sites.values()), own_rows, draws)}]
    return pd.DataFrame(rows)


def froc_table(frames: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Return the free-response curves, all seeds together: method, held_out, limit, false_positives, sensitivity.

    Of the limits with one sensitivity the highest is kept, beside the last of all, where all components count; sites
    without a lesion have no curve.
    """
    parts = []
    for (method, site), own in frames.groupby(_CELL[:2], sort=False):
        one = _Site(own, findings[(findings["method"] == method) & (findings["held_out"] == site)])
        curve = one.curve.dropna(subset=["sensitivity"])
        last = np.arange(len(curve)) == len(curve) - 1
        kept = curve[~curve["sensitivity"].duplicated() | last]
        parts.append(kept.assign(method=method, held_out=site))
    names = ["method", "held_out", "limit", "false_positives", "sensitivity"]
    return pd.DataFrame(pd.concat(parts, ignore_index=True), columns=names)


def froc_panels(points: pd.DataFrame, methods: Sequence[str], sites: Sequence[str]) -> list[Panel]:
    """Draw the free-response curves, a panel a held-out site that has lesions."""
    x_axis = scale([0.0, *points["false_positives"]], least=0.2, fixed=_ANY)
    panels = []
    for site in sites:
        own = points[points["held_out"] == site]
        series = [_curve(own[own["method"] == method], method, style) for style, method in enumerate(methods)]
        if len(own):
            svg = curves(series, x_axis, Scale(*SHARE, (0.0, 0.25, 0.5, 0.75, 1.0)), "false positives a frame")
            panels.append(Panel(f"held out: {site}", svg, []))
    return panels


def lesions_html(rows: pd.DataFrame) -> HtmlTable:
    """Format what is found, lesion by lesion."""
    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "lesions": lambda r: str(r["n_lesions"]),
            "sensitivity": lambda r: number(r["lesion_sensitivity"]),
            "95 % interval": lambda r: _span(r, "lesion_sensitivity", "lesion_groups"),
            "false positives a frame": lambda r: number(r["false_positives"]),
            "95 % interval ": lambda r: _span(r, "false_positives", "n_groups"),
            **{f"sensitivity at {limit:g} a frame": _at(limit) for limit in _LIMITS},
            "operating point: sensitivity": lambda r: number(r["op_lesion_sensitivity"]),
            "operating point: false positives": lambda r: number(r["op_false_positives"]),
        },
        (MEAN,),
        descending=["sensitivity"],
    )


def frames_html(rows: pd.DataFrame) -> HtmlTable:
    """Format how frames with a lesion are told from frames without one."""
    return html_table(
        rows[rows["n_negative"] > 0],
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames without lesion": lambda r: str(r["n_negative"]),
            "AUROC of the frame's score": lambda r: number(r["frame_auroc"]),
            "95 % interval": lambda r: "" if r["held_out"] == MEAN else _span(r, "frame_auroc", "frame_groups"),
            "false alarms at sensitivity 0.90": lambda r: number(r["false_alarms_90"]),
            "at 0.95": lambda r: number(r["false_alarms_95"]),
            "of the mask": lambda r: number(r["called"]),
            "false area, %": lambda r: number(100 * r["called_share"], 2),
            "operating point: frame sensitivity": lambda r: number(r["op_frame_sensitivity"]),
            "false alarms": lambda r: number(r["op_false_alarms"]),
            "false area, % ": lambda r: number(100 * r["op_called_share"], 2),
        },
        (MEAN,),
    )


def found_and_called(rows: pd.DataFrame, method: str) -> list[str]:
    """Say what a method finds and calls in vain, and what its operating point makes of it."""
    own = rows[rows["method"] == method]
    (row,) = records(own[own["held_out"] == MEAN])
    said = [
        f"It finds {percent(row['lesion_sensitivity'])} of the lesions ({row['n_lesions']}), with "
        f"{number(row['false_positives'], 2)} false positives a frame."
    ] * bool(row["n_lesions"])
    if np.isfinite(row["frame_auroc"]):
        said.append(
            f"Its score of a frame tells those with a lesion from {_told_apart(own, row['n_negative'])} "
            f"with AUROC {number(row['frame_auroc'], 2)}; where 90 % of the former are called, by a limit taken on "
            f"these very frames, so are {percent(row['false_alarms_90'])} of the latter."
        )
    if row["n_negative"]:
        said.append(
            f"At its operating point, chosen on source validation, it calls, in the mean over the sites, "
            f"{percent(row['op_false_alarms'])} of the "
            f"frames without a lesion instead of {percent(row['called'])}"
            + (f", and finds {percent(row['op_lesion_sensitivity'])} of the lesions." if row["n_lesions"] else ".")
        )
    return said


def _told_apart(own: pd.DataFrame, n_negative: int) -> str:
    """Return how many frames without a lesion an AUROC is of, beside all where other sites have frames of no lesion."""
    both = own[(own["held_out"] != MEAN) & own["frame_auroc"].notna()]
    count = int(both["n_negative"].sum())
    others = "" if count == n_negative else f" (of {n_negative}; the others' sites have no lesion)"
    return f"{counted(count, 'frame')} without one{others}"


def figures(rows: pd.DataFrame) -> Row:
    """Return what `dvc metrics` follows of each method."""
    names = ("lesion_sensitivity", "false_positives", "frame_auroc", "false_alarms_90")
    means = records(rows[rows["held_out"] == MEAN])
    return {f"{row['method']}_{name}_mean": row[name] for row in means for name in names}


class _Site:
    """One method at one held-out site: its frames and lesions, means over the seeds."""

    def __init__(self, frames: pd.DataFrame, findings: pd.DataFrame) -> None:
        """Take rows of `joined` and of `FINDINGS`, of all seeds."""
        lesion = findings["kind"] == "lesion"
        groups = frames.drop_duplicates("case_id").set_index("case_id")["group_id"]
        lesions = findings[lesion].assign(found=lambda rows: rows["score"].notna())
        self.lesions = lesions.groupby(["case_id", "number"], sort=False)[["found", "kept"]].mean()
        self.lesions["group_id"] = groups.loc[self.lesions.index.get_level_values("case_id")].to_numpy()
        false = findings[~lesion].groupby(["seed", "case_id"])["kept"].agg(["size", "sum"])
        counts = false.reindex(pd.MultiIndex.from_frame(frames[["seed", "case_id"]]), fill_value=0)
        counted_ = frames.assign(false=counts["size"].to_numpy(), kept_false=counts["sum"].to_numpy())
        means = dict.fromkeys(["false", "kept_false", "called", "called_share", "alarm", "kept_share"], "mean")
        self.frames = counted_.groupby("case_id", sort=False).agg(
            {"group_id": "first", "has_lesion": "first", **means}
        )  # fmt: skip
        self.scores = frames.pivot(index="seed", columns="case_id", values="frame_score")[self.frames.index].to_numpy()
        self.curve = froc(
            lesions["score"].to_numpy(dtype=np.float64), findings.loc[~lesion, "score"].to_numpy(), len(frames)
        )  # fmt: skip

    def row(self, draws: Draws, site: str) -> Row:
        """Return the site's figures, as in `detection_table`."""
        positive, groups = self.frames["has_lesion"].to_numpy(), self.frames["group_id"].to_numpy()
        negative, lesion = self.frames[~positive].mean(numeric_only=True), self.frames[positive]
        rng = generator("report", draws.seed, "frame_auroc", site)
        low, high = auroc_interval(self.scores, positive, groups, draws.count, rng)
        return {
            "n_frames": len(self.frames), "n_lesions": len(self.lesions), "n_negative": int((~positive).sum()),
            **intervals([self], draws, site),
            **{f"sensitivity_at_{limit:g}": sensitivity_at(self.curve, limit) for limit in _LIMITS},
            "frame_auroc": np.mean([auroc(scores, positive) for scores in self.scores]),
            "frame_auroc_low": low, "frame_auroc_high": high, "frame_groups": fewest_groups(positive, groups),
            **{
                name: np.mean([false_alarms_at(scores, positive, share) for scores in self.scores])
                for name, share in _SENSITIVITIES.items()
            },
            "called": negative["called"], "called_share": negative["called_share"],
            "op_lesion_sensitivity": self.lesions["kept"].mean(),
            "op_false_positives": self.frames["kept_false"].mean(),
            "op_frame_sensitivity": lesion["alarm"].mean(), "op_false_alarms": negative["alarm"],
            "op_called_share": negative["kept_share"],
        }  # fmt: skip


def intervals(sites: Sequence[_Site], draws: Draws, name: str) -> Row:
    """Return sensitivity and false positives, means over sites that have frames of the kind, with their intervals.

    One site's sensitivity of 0 or 1 has Wilson's interval; a mean over sites or a count without spread has none.
    """
    lesions = [one.lesions for one in sites if len(one.lesions)]
    found = float(np.mean([own["found"].mean() for own in lesions])) if lesions else np.nan
    groups = min((own["group_id"].nunique() for own in lesions), default=0)
    low, high = draws.interval(lesions, "found", name)
    false_low, false_high = draws.interval([one.frames for one in sites], "false", name, within=_ANY)
    return {
        "lesion_sensitivity": found, "lesion_sensitivity_low": low, "lesion_sensitivity_high": high,
        "lesion_groups": groups,
        "false_positives": np.mean([one.frames["false"].mean() for one in sites]),
        "false_positives_low": false_low, "false_positives_high": false_high,
        "n_groups": min(one.frames["group_id"].nunique() for one in sites),
    }  # fmt: skip


def _mean_row(sites: Sequence[_Site], rows: Sequence[Row], draws: Draws) -> Row:
    """Return the means over the sites; of the AUROC without an interval, as of some sites there may be none."""
    table = pd.DataFrame(rows).drop(columns=["method", "held_out"])
    return {
        **{str(name): mean for name, mean in table.mean().items()},
        **{name: int(table[name].sum()) for name in _SUMS}, **intervals(sites, draws, MEAN),
        "frame_auroc_low": np.nan, "frame_auroc_high": np.nan, "frame_groups": int(table["frame_groups"].min()),
    }  # fmt: skip


def _sites_without(rows: pd.DataFrame, count: str) -> str:
    """Return the held-out sites that have no frame, or lesion, of a kind, as text; empty: there is none."""
    names = rows.loc[(rows["held_out"] != MEAN) & (rows[count] == 0), "held_out"].drop_duplicates().tolist()
    return listed(names) if names else ""


def _curve(own: pd.DataFrame, method: str, style: int) -> Curve:
    return Curve(method, style, list(zip(own["false_positives"], own["sensitivity"], strict=True)))


def _span(row: Row, name: str, groups: str) -> str:
    return interval_or_why(row[f"{name}_low"], row[f"{name}_high"], row[groups])


def _at(limit: float) -> Write:
    return lambda r: number(r[f"sensitivity_at_{limit:g}"])
