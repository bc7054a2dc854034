"""Results by held-out site: the scores, their means over the sites and the worst site, and how far the seeds spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from mcdrl.drawing.charts import SHARE, Chart, ChartRow, Dot, axis_row, interval_mark, scale, strip
from mcdrl.drawing.formatting import NO_SPREAD, counted, interval_or_why, listed, number, span, too_few
from mcdrl.drawing.html_tables import HtmlTable, Row, html_table, records
from mcdrl.metrics.intervals import LEAST_GROUPS, NONE, if_spread, seeds_interval
from mcdrl.metrics.registry import FRAME_METRICS
from stages.report.averages import (
    FURTHER,
    MEAN,
    PARTIAL,
    UNDEFINED,
    WORST,
    Draws,
    best_high,
    by,
    lesion_scores,
    metric_columns,
)
from stages.report.results import Results
from stages.report.topic import Question, Topic

_COUNTS = ["n_lesion", "n_groups", *UNDEFINED, "n_undefined"]
_TOTAL = [one.name for one in FRAME_METRICS.values() if not one.sometimes_undefined]
_BARS = {"dice": "dice", "dice_low": "low", "dice_high": "high"}


def topic(results: Results) -> Topic:
    """Return sites.csv, bars.csv, with several seeds seeds.csv, the section, and how good the methods are."""
    methods, several = results.study.methods, len(results.study.seeds) > 1
    sites, seeds = sites_table(results.frames, results.draws), seeds_table(results.inputs.scores)
    values = {
        "chart": dice_chart(sites, seeds, methods),
        "sites": sites_html(sites),
        "seeds": seeds_html(seeds),
        "settings": results.settings,
        "metrics": list(FRAME_METRICS.values()),
        "least_groups": LEAST_GROUPS,
    }
    return Topic(
        "sites",
        "Sites",
        values,
        tables={"sites": sites, "bars": bars_table(sites), **({"seeds": seeds} if several else {})},
        sentences=sentences(sites, methods, results.best_method),
        figures=figures(sites),
    )


def sites_table(frames: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Return a row a (method, held-out site), then the method's `mean` over sites and its `worst` site.

    Dice and IoU are means over the frames with a lesion (`n_lesion`), NSD and HD95 over these but for frames whose
    lesion vanishes at so few pixels (`n_undefined`), accuracy over all (`n_frames`). The mean HD95 is null where a site
    has frames to take it of, yet none on which it is defined: a mean without that site would flatter. `worst_site`, in
    the row `worst` alone, says which site that is; as these frames chose it, that row has no interval, unless it is the
    only site with a lesion. `fewest_groups` are the groups of the site that has the fewest: with less than
    `LEAST_GROUPS` there is no interval either, nor where the groups show no spread.
    """
    rows = [row for method, mine in by(frames, "method") for row in _method_rows(method, mine, draws)]
    return pd.DataFrame(rows)


def seeds_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each seed's scores: a row a (method, held-out site, seed) and a `mean` over the sites."""
    keys = ["method", "held_out", "seed"]
    rows = scores.groupby(keys, sort=False, as_index=False)[_TOTAL].mean()
    means = rows.groupby(["method", "seed"], sort=False, as_index=False)[_TOTAL].mean().assign(held_out=MEAN)
    return pd.concat([rows, means[rows.columns]], ignore_index=True)


def bars_table(sites: pd.DataFrame) -> pd.DataFrame:
    """Return Dice with one name a row, `cell`, which is what a bar chart of `dvc plots` takes."""
    rows = sites.assign(cell=sites["held_out"] + " " + sites["method"])[["cell", "held_out", *_BARS]]
    return rows.rename(columns=_BARS)


def figures(sites: pd.DataFrame) -> Row:
    """Return what `dvc metrics` follows of each method."""
    found: Row = {}
    for method, rows in by(sites, "method"):
        at = {row["held_out"]: row for row in records(rows)}
        found |= {f"{method}_{score}_mean": at[MEAN][score] for score in _TOTAL}
        found[f"{method}_dice_worst"] = at[WORST]["dice"]
        found |= {f"{method}_{name.removeprefix('n_')}": at[MEAN][name] for name in UNDEFINED}
    return found


def sentences(sites: pd.DataFrame, methods: Sequence[str], best: str) -> list[tuple[Question, str]]:
    """Say how good every method is, and where the best one is worst.

    Args:
        sites: as from `sites_table`.
        methods: in the order of params.yaml.
        best: one of them.
    """
    worst = "" if best in _judged_at_one(sites) else _worst_site(_at(sites, best, WORST))
    return [(Question.HOW_GOOD, _how_good(sites, methods)), (Question.WHERE_IT_FAILS, worst)]


def dice_chart(sites: pd.DataFrame, seeds: pd.DataFrame, methods: Sequence[str]) -> Chart:
    """Draw Dice with its interval by held-out site, and that of each seed where there are several; mean comes first."""
    shown = seeds if seeds["seed"].nunique() > 1 else seeds.iloc[:0]
    axis = scale([*sites["dice"], *sites["dice_low"], *sites["dice_high"], *shown["dice"]], fixed=SHARE)
    names = list(dict.fromkeys(sites["held_out"]))
    ordered = [MEAN, WORST, *[name for name in names if name not in (MEAN, WORST)]]
    labels = {MEAN: "mean of sites", WORST: "worst site"}
    rows = [
        ChartRow(labels.get(name, name), strip(_dice_marks(sites, shown, name, methods), axis), strong=name in labels)
        for name in ordered
    ]
    return Chart(rows, axis_row(axis))


def sites_html(rows: pd.DataFrame) -> HtmlTable:
    """Format the scores of each method and held-out site."""
    at_one = _judged_at_one(rows)

    def interval(row: Row) -> str:
        """Return the interval of a row's Dice."""
        return _dice_interval(row, chosen=pd.notna(row["worst_site"]) and row["method"] not in at_one)

    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: f"{WORST}: {r['worst_site']}" if pd.notna(r["worst_site"]) else r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "with lesion": lambda r: str(r["n_lesion"]),
            "vanished": lambda r: str(r["n_undefined"]),
            "groups": lambda r: str(r["n_groups"]),
            **metric_columns(interval, list(FRAME_METRICS.values())),
        },
        (MEAN, WORST),
        descending=best_high(),
    )


def seeds_html(rows: pd.DataFrame) -> HtmlTable:
    """Format how far the seeds are from each other."""
    means = rows[rows["held_out"] == MEAN]
    return html_table(
        pd.DataFrame([_spread(method, own["dice"]) for method, own in by(means, "method")]),
        {
            "method": lambda r: r["method"],
            "mean Dice": lambda r: number(r["mean"]),
            "95 % t interval over seeds": lambda r: span(r["low"], r["high"]) or NO_SPREAD,
            "standard deviation over seeds": lambda r: number(r["std"]),
            "lowest seed": lambda r: number(r["min"]),
            "highest seed": lambda r: number(r["max"]),
        },
    )


def _method_rows(method: str, frames: pd.DataFrame, draws: Draws) -> list[Row]:
    rows, defined = [], []
    for site, own in by(frames, "held_out"):
        lesion = own[own["has_lesion"]]
        defined += [lesion] if len(lesion) else []
        scores = lesion_scores(lesion, draws.interval([lesion], "dice", site))
        scores |= {one.name: own[one.name].mean() for one in FRAME_METRICS.values() if one.over == "all"}
        scores |= {"n_lesion": len(lesion), "fewest_groups": scores["n_groups"]}
        rows.append(_site_row(method, site, len(own), scores))
    mean = _mean_row(method, pd.DataFrame(rows), draws.interval(defined, "dice", MEAN))
    return [*rows, mean, _worst_row(rows)]


def _mean_row(method: str, table: pd.DataFrame, interval: tuple[float, float]) -> Row:
    means: Row = {score: table[score].astype(float).mean() for score in FRAME_METRICS}
    for one in PARTIAL:
        if (table["dice"].notna() & table[one.name].isna()).any():
            means[one.name] = np.nan
    counts = {name: int(table[name].sum()) for name in _COUNTS}
    fewest = table.loc[table["dice"].notna(), "n_groups"].min() if table["dice"].notna().any() else 0
    bounds = dict(zip(("dice_low", "dice_high"), interval, strict=True))
    scores = means | bounds | counts | {"fewest_groups": int(fewest)}
    return _site_row(method, MEAN, int(table["n_frames"].sum()), scores)


def _worst_row(rows: list[Row]) -> Row:
    defined = [row for row in rows if not pd.isna(row["dice"])]
    if not defined:
        return rows[0] | {"held_out": WORST}
    worst = min(defined, key=lambda row: float(row["dice"]))
    bounds = dict(zip(("dice_low", "dice_high"), NONE, strict=True)) if len(defined) > 1 else {}
    return worst | bounds | {"held_out": WORST, "worst_site": worst["held_out"]}


def _site_row(method: str, site: str, n_frames: int, scores: Row) -> Row:
    order = ["dice", "dice_low", "dice_high", *FURTHER, *_COUNTS, "fewest_groups"]
    ordered = {name: scores[name] for name in order}
    return {"method": method, "held_out": site, "n_frames": n_frames, **ordered, "worst_site": None}


def _single(sites: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are about one held-out site each."""
    return sites[~sites["held_out"].isin([MEAN, WORST])]


def _judged_at_one(sites: pd.DataFrame) -> set[str]:
    """Return the methods whose Dice is defined at one site alone, so that no frames chose the worst one."""
    return {method for method, own in by(_single(sites), "method") if own["dice"].notna().sum() == 1}


def _how_good(sites: pd.DataFrame, methods: Sequence[str]) -> str:
    means = [_at(sites, method, MEAN) for method in methods]
    if pd.isna(means[0]["dice"]):
        return "No held-out frame has a lesion, so there is no Dice."
    parts = "; ".join(f"{row['method']} {number(row['dice'])}{_between(row)}" for row in means)
    own = _single(sites[sites["method"] == methods[0]])
    without = own.loc[own["dice"].isna(), "held_out"].tolist()
    over = f"{len(own) - len(without)} of {len(own)} held-out sites" if without else counted(len(own), "held-out site")
    lacking = f"; {listed(without)} {'has' if len(without) == 1 else 'have'} none" if without else ""
    return (
        f"Dice, mean over {over} with its 95 % interval: {parts}. {counted(means[0]['n_lesion'], 'frame')} with a "
        f"lesion{lacking}."
    )


def _at(sites: pd.DataFrame, method: str, held_out: str) -> Row:
    return records(sites[(sites["method"] == method) & (sites["held_out"] == held_out)])[0]


def _between(row: Row) -> str:
    if pd.isna(row["dice_low"]):
        few = row["fewest_groups"] < LEAST_GROUPS
        return f" (no interval: {too_few(row['fewest_groups']) if few else 'the groups show no spread'})"
    return f" ({span(row['dice_low'], row['dice_high'])})"


def _worst_site(row: Row) -> str:
    if pd.isna(row["dice"]):
        return ""
    return (
        f"{row['method']} has its lowest Dice at {row['worst_site']}: {number(row['dice'])}, n {row['n_lesion']}; "
        "these frames chose the site, others may choose another."
    )


def _dice_interval(row: Row, *, chosen: bool) -> str:
    """Return the interval of a row of `sites_table`; a site that was chosen by these frames as the worst has none."""
    if chosen:
        return "none: chosen here"
    return interval_or_why(row["dice_low"], row["dice_high"], row["fewest_groups"])


def _dice_marks(sites: pd.DataFrame, seeds: pd.DataFrame, name: str, methods: Iterable[str]) -> list[Dot]:
    own = {row["method"]: row for row in records(sites[sites["held_out"] == name])}
    single = seeds[seeds["held_out"] == name]
    return [
        interval_mark(
            f"{method}, {name}", own[method]["dice"], (own[method]["dice_low"], own[method]["dice_high"]),
            own[method]["fewest_groups"], style, tuple(single.loc[single["method"] == method, "dice"]),
        )
        for style, method in enumerate(methods)
    ]  # fmt: skip


def _spread(method: str, dice: pd.Series[float]) -> Row:
    low, high = if_spread(seeds_interval(np.asarray(dice, dtype=np.float64), SHARE)[:2])
    return {
        "method": method, "mean": dice.mean(), "low": low, "high": high, "std": dice.std(), "min": dice.min(),
        "max": dice.max(),
    }  # fmt: skip
