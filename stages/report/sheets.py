"""Tables -> formatted tables of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from mcdrl.metrics.intervals import seeds_interval
from mcdrl.metrics.registry import FRAME_METRICS, FrameMetric
from stages.report import views
from stages.report.inputs import Inputs
from stages.report.tables import ALL, MEAN, WORST
from stages.report.views import Row, Sheet, Write, number, seed_span, span, span_or_why

_MODEL_KEYS = ("sources", "best_epoch", "val_dice")
_MINED = ["recall", "recall_random", "auroc", "auroc_inverted"]
_REGIONS: dict[str, Callable[[Row], str]] = {
    "recall": lambda r: number(r["recall"]),
    "recall, random places": lambda r: number(r["recall_random"]),
    "AUROC": lambda r: number(r["auroc"]),
    "AUROC, map inverted": lambda r: number(r["auroc_inverted"]),
}


def dictionary_sheet(dictionary: pd.DataFrame) -> Sheet:
    """Format the confounders and their prompts."""
    return views.sheet(
        dictionary,
        {
            "confounder": lambda r: r["confounder"],
            "category": lambda r: r["category"],
            "prompt": lambda r: r["prompt"],
        },
        (),
    )


def sites_sheet(rows: pd.DataFrame) -> Sheet:
    """Format the scores of each method and held-out site."""
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: f"{WORST}: {r['worst_site']}" if pd.notna(r["worst_site"]) else r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "with lesion": lambda r: str(r["n_lesion"]),
            "vanished": lambda r: str(r["n_undefined"]),
            "groups": lambda r: str(r["n_groups"]),
            **_metric_columns(_dice_interval, list(FRAME_METRICS.values())),
        },
        (MEAN, WORST),
    )


def lesions_sheet(rows: pd.DataFrame) -> Sheet:
    """Format the scores of each method and lesion class."""
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "lesion class": lambda r: r["lesion_class"],
            "frames": lambda r: str(r["n_frames"]),
            "vanished": lambda r: str(r["n_undefined"]),
            "groups": lambda r: str(r["n_groups"]),
            **_metric_columns(
                lambda r: span_or_why(r["dice_low"], r["dice_high"], r["n_groups"]),
                [one for one in FRAME_METRICS.values() if one.over == "lesion"],
            ),
        },
        (),
    )


def negatives_sheet(rows: pd.DataFrame) -> Sheet:
    """Format the false alarms."""
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames without lesion": lambda r: str(r["n_frames"]),
            "false-positive rate": lambda r: number(r["false_positive_rate"]),
            "95 % interval": lambda r: span_or_why(r["low"], r["high"], r["n_groups"]),
            "false area, % of the frame": lambda r: number(100 * r["area_share"], 2),
        },
        (ALL,),
    )


def comparisons_sheet(rows: pd.DataFrame) -> Sheet:
    """Format the differences from the baseline."""
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "groups": lambda r: str(r["n_groups"]),
            "difference in Dice": lambda r: f"{r['difference']:+.3f}",
            "95 % interval, frames": lambda r: span_or_why(r["low"], r["high"], r["fewest_groups"]),
            "95 % interval, seeds": lambda r: seed_span(r["seed_low"], r["seed_high"], r["n_seeds"]),
            "p, frames": lambda r: views.p_value(r["p"]),
            "p, seeds": lambda r: views.p_value(r["seed_p"]),
            "p after Holm": lambda r: views.p_value(r["p_holm"]),
            "sure": lambda r: "yes" if r["sure"] else "no",
        },
        (MEAN,),
    )


def seeds_sheet(rows: pd.DataFrame) -> Sheet:
    """Format how far the seeds are from each other."""
    means = rows[rows["held_out"] == MEAN]
    return views.sheet(
        pd.DataFrame([_spread(str(method), own["dice"]) for method, own in means.groupby("method", sort=False)]),
        {
            "method": lambda r: r["method"],
            "mean Dice": lambda r: number(r["mean"]),
            "95 % t interval over seeds": lambda r: span(r["low"], r["high"]),
            "standard deviation over seeds": lambda r: number(r["std"]),
            "lowest seed": lambda r: number(r["min"]),
            "highest seed": lambda r: number(r["max"]),
        },
        (),
    )


def quality_sheet(rows: pd.DataFrame) -> Sheet:
    """Format how well the regions were mined."""
    return views.sheet(
        rows,
        {
            "site": lambda r: r["site"],
            "frames with lesion": lambda r: str(r["n_frames"]),
            "alpha": lambda r: number(r["alpha"], 2),
            **_REGIONS,
        },
        (),
    )


def tuned_sheet(rows: pd.DataFrame) -> Sheet:
    """Format how well regions that were tuned on the source sites meet the lesions of the held-out one."""
    tuned = rows[rows["mining"] == "source_tuned"]
    means = tuned.groupby(["method", "held_out"], sort=False)[_MINED].mean().reset_index()
    return views.sheet(
        means,
        {
            "method": lambda r: r["method"],
            "held-out site": lambda r: r["held_out"],
            **_REGIONS,
        },
        (),
    )


def models_sheet(inputs: Inputs) -> Sheet:
    """Format where each model comes from."""
    rows = pd.DataFrame(
        [
            {"method": method, "held_out": site, "seed": seed, **{key: model.get(key) for key in _MODEL_KEYS}}
            for (method, site, seed), model in inputs.models.items()
        ]
    )
    return views.sheet(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "seed": lambda r: str(r["seed"]),
            "trained on": lambda r: ", ".join(r["sources"] or []),
            "epoch chosen": lambda r: str(r["best_epoch"] + 1),
            "validation Dice": lambda r: number(r["val_dice"]),
        },
        (),
    )


def quarantine_sheet(inputs: Inputs) -> Sheet:
    """Format how many frames of each site were taken, and why others were not."""
    kinds = inputs.quarantine.assign(kind=[reason.partition(": ")[0] for reason in inputs.quarantine["reason"]])
    counts = kinds.groupby(["site", "kind"], sort=False).agg(files=("file", "size"), example=("file", "first"))
    clean = [name for name in inputs.study.sites if name not in set(kinds["site"])]
    none = pd.DataFrame({"site": clean, "kind": "–", "files": 0, "example": "–"})
    accepted = inputs.cases.groupby("site").agg(frames=("case_id", "size"), groups=("group_id", "nunique"))
    rows = pd.concat([counts.reset_index(), none], ignore_index=True)
    rows = rows.merge(accepted, left_on="site", right_index=True, how="left").fillna({"frames": 0, "groups": 0})
    order = {name: place for place, name in enumerate(inputs.study.sites)}
    return views.sheet(
        rows.sort_values("site", key=lambda names: names.map(order), kind="stable"),
        {
            "site": lambda r: r["site"],
            "frames accepted": lambda r: f"{r['frames']:.0f}",
            "groups": lambda r: f"{r['groups']:.0f}",
            "files refused": lambda r: str(r["files"]),
            "reason": lambda r: r["kind"],
            "first such file": lambda r: r["example"],
        },
        (),
    )


def _metric_columns(interval: Write, metrics: Sequence[FrameMetric]) -> dict[str, Write]:
    """Return heading -> cell of metrics, Dice's interval behind it, and how often those that may be are undefined."""

    def mean(one: FrameMetric) -> Write:
        """Return how a metric's cell is written."""
        return lambda r: number(r[one.name], one.digits)

    def undefined(one: FrameMetric) -> Write:
        """Return how the count of frames that it is undefined on is written."""
        return lambda r: str(r[one.undefined_column])

    dice, further = FRAME_METRICS["dice"], [one for one in metrics if one.name != "dice"]
    means = {one.label: mean(one) for one in further}
    counts = {f"{one.heading} undefined": undefined(one) for one in further if one.sometimes_undefined}
    return {dice.label: mean(dice), "95 % interval": interval, **means, **counts}


def _dice_interval(row: Row) -> str:
    """Return the interval of a row of `sites_table`; the worst site was chosen by these frames, so it has none."""
    if pd.notna(row["worst_site"]):
        return "none: chosen here"
    return span_or_why(row["dice_low"], row["dice_high"], row["fewest_groups"])


def _spread(method: str, dice: pd.Series[float]) -> Row:
    low, high, _ = seeds_interval(np.asarray(dice, dtype=np.float64))
    return {
        "method": method, "mean": dice.mean(), "low": low, "high": high, "std": dice.std(), "min": dice.min(),
        "max": dice.max(),
    }  # fmt: skip
