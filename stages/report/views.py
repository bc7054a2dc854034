"""Tables -> what the page shows: chart rows, cards, sentences and formatted cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from mcdrl.drawing.charts import Mark, axis_row, matrix, scale, strip
from mcdrl.drawing.plots import lines
from mcdrl.metrics.counts import Floats
from mcdrl.metrics.intervals import LEAST_GROUPS
from stages.report.tables import MEAN, WORST

_SHARE = (0.0, 1.0)
Row = dict[str, Any]
Write = Callable[[Row], str]


@dataclass(frozen=True)
class ChartRow:
    """A labelled row of a chart."""

    label: str
    strip: Markup
    strong: bool = False


@dataclass(frozen=True)
class Chart:
    """Rows above a common axis."""

    rows: list[ChartRow]
    axis: Markup


@dataclass(frozen=True)
class Panel:
    """A small chart with its heading and legend: (index of the colour, name)."""

    title: str
    svg: Markup
    legend: list[tuple[int, str]]


@dataclass(frozen=True)
class Card:
    """A method's headline."""

    method: str
    style: int
    mean: str
    interval: str
    worst: str
    worst_site: str
    n_frames: str
    negatives: str


@dataclass(frozen=True)
class Sheet:
    """A formatted table: headings, rows of texts, and which rows sum up others."""

    headings: list[str]
    rows: list[list[str]]
    strong: list[bool]


def number(value: Any, digits: int = 3) -> str:
    """Return a number as text; a dash for what is undefined."""
    return "–" if value is None or pd.isna(value) else f"{value:.{digits}f}"


def span(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval as text; empty for what is undefined."""
    return "" if pd.isna(low) or pd.isna(high) else f"{low:.{digits}f} to {high:.{digits}f}"


def span_or_why(low: Any, high: Any, groups: int, digits: int = 3) -> str:
    """Return an interval as text; where there is none, of how few groups it would have been (of a site's fewest)."""
    return span(low, high, digits) or (f"none: {counted(groups, 'group')}" if groups < LEAST_GROUPS else "")


def seed_span(low: Any, high: Any, n_seeds: int, digits: int = 3) -> str:
    """Return the interval over seeds as text; of one seed, that there is but one training."""
    return "one training each" if n_seeds == 1 else span(low, high, digits)


def counted(number_: int, noun: str) -> str:
    """Return a number of things as text."""
    return f"{number_} {noun}" if number_ == 1 else f"{number_} {noun}s"


def signed(value: Any, digits: int = 3) -> str:
    """Return a difference as text, with its sign; a dash for what is undefined."""
    return "–" if value is None or pd.isna(value) else f"{value:+.{digits}f}"


def p_value(value: float) -> str:
    """Return a p value as text; a dash for what is undefined."""
    if pd.isna(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def dice_chart(sites: pd.DataFrame, seeds: pd.DataFrame, methods: Sequence[str]) -> Chart:
    """Draw Dice with its interval by held-out site, and that of each seed where there are several; mean comes first."""
    shown = seeds if seeds["seed"].nunique() > 1 else seeds.iloc[:0]
    axis = scale([*sites["dice"], *sites["dice_low"], *sites["dice_high"], *shown["dice"]], fixed=_SHARE)
    names = list(dict.fromkeys(sites["held_out"]))
    ordered = [MEAN, WORST, *[name for name in names if name not in (MEAN, WORST)]]
    labels = {MEAN: "mean of sites", WORST: "worst site"}
    rows = [
        ChartRow(labels.get(name, name), strip(_dice_marks(sites, shown, name, methods), axis), strong=name in labels)
        for name in ordered
    ]
    return Chart(rows, axis_row(axis))


def lesion_chart(lesions: pd.DataFrame, methods: Sequence[str]) -> Chart | None:
    """Draw Dice with its interval by lesion class; None where no frame has a lesion."""
    if lesions.empty:
        return None
    axis = scale([*lesions["dice"], *lesions["dice_low"], *lesions["dice_high"]], fixed=_SHARE)
    rows = []
    for name in dict.fromkeys(lesions["lesion_class"]):
        own = records(lesions[lesions["lesion_class"] == name])
        marks = [_dice_mark(row, str(name), list(methods).index(row["method"])) for row in own]
        rows.append(ChartRow(str(name), strip(marks, axis)))
    return Chart(rows, axis_row(axis))


def comparison_chart(comparisons: pd.DataFrame, methods: Sequence[str]) -> Chart | None:
    """Draw every method's difference to the baseline, filled where it is sure; None where there is none."""
    if comparisons.empty:
        return None
    axis = scale([0.0, *comparisons["difference"], *comparisons["low"], *comparisons["high"]], least=0.05)
    order = [MEAN, *[name for name in dict.fromkeys(comparisons["held_out"]) if name != MEAN]]
    rows = []
    for name in order:
        own = comparisons[comparisons["held_out"] == name]
        marks = [_difference_mark(row, methods.index(row["method"])) for row in records(own)]
        rows.append(ChartRow("mean of sites" if name == MEAN else name, strip(marks, axis), strong=name == MEAN))
    return Chart(rows, axis_row(axis))


def mining_chart(quality: pd.DataFrame, found: str, control: str) -> Chart:
    """Draw a score of the mined regions (filled) beside its control (hollow), site by site."""
    axis = scale([*quality[found].astype(float), *quality[control].astype(float)], fixed=_SHARE)
    rows = []
    for row in records(quality):
        marks = [
            Mark(_float(row[control]), np.nan, np.nan, 7, f"control {number(row[control])}", hollow=True),
            Mark(_float(row[found]), np.nan, np.nan, 1, f"mined {number(row[found])}"),
        ]
        rows.append(ChartRow(str(row["site"]), strip(marks, axis, per_line=2)))
    return Chart(rows, axis_row(axis))


def cards(sites: pd.DataFrame, negatives: pd.DataFrame, methods: Sequence[str]) -> list[Card]:
    """Return each method's headline figures."""
    found = []
    for style, method in enumerate(methods):
        own = {row["held_out"]: row for row in records(sites[sites["method"] == method])}
        wrong = negatives[(negatives["method"] == method) & (negatives["held_out"] == "all")]
        mean, worst = own[MEAN], own[WORST]
        found.append(
            Card(
                method, style, number(mean["dice"]),
                span_or_why(mean["dice_low"], mean["dice_high"], mean["fewest_groups"]), number(worst["dice"]),
                str(worst["worst_site"]) if pd.notna(worst["worst_site"]) else "–", str(mean["n_lesion"]),
                f"{100 * wrong['false_positive_rate'].iloc[0]:.0f} %" if len(wrong) else "–",
            )
        )  # fmt: skip
    return found


def training_panels(history: pd.DataFrame, methods: Sequence[str], sites: Sequence[str]) -> list[Panel]:
    """Draw the validation Dice by epoch, a panel a held-out site; several seeds are lines of one colour."""
    panels = []
    for site in sites:
        series = {
            f"{method}, seed {seed}": (methods.index(method), _points(own, "val_dice"))
            for (method, seed), own in history[history["held_out"] == site].groupby(["method", "seed"], sort=False)
        }
        panels.append(Panel(f"without {site}", lines(series, "epoch", fixed=_SHARE), list(enumerate(methods))))
    return panels


def loss_panels(history: pd.DataFrame, methods: Sequence[str]) -> list[Panel]:
    """Draw the loss terms by epoch, a panel a method, as means over held-out sites and seeds."""
    known = {"method", "held_out", "seed", "epoch", "val_dice"}
    terms = [name for name in history.columns if name not in known and history[name].dtype.kind in "fi"]
    panels = []
    for method in methods:
        means = history[history["method"] == method].groupby("epoch", as_index=False)[terms].mean()
        own = [name for name in terms if means[name].notna().any()]
        series = {name: (style, _points(means, name)) for style, name in enumerate(own)}
        panels.append(Panel(method, lines(series, "epoch"), [(style, name) for style, name in enumerate(own)]))
    return panels


def dictionary_matrix(dictionary: pd.DataFrame) -> Markup:
    """Draw the cosines between the confounders' texts."""
    names = [str(name) for name in dictionary["confounder"]]
    return matrix(cosines(dictionary), names, f"Cosines between the {len(names)} prompts of the dictionary")


def cosines(dictionary: pd.DataFrame) -> Floats:
    """Return the cosines between the confounders' texts, [M, M]."""
    rows = np.stack([np.asarray(row, dtype=np.float64) for row in dictionary["embedding"]])
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    product: Floats = unit @ unit.T
    return product


def sheet(rows: pd.DataFrame, columns: Mapping[str, Write], totals: Sequence[str], by: str = "held_out") -> Sheet:
    """Format a table.

    Args:
        rows: the figures.
        columns: heading -> how a row's cell is written.
        totals: values of the column `by` whose rows sum up others.
        by: a column; it may be absent.
    """
    return Sheet(
        list(columns),
        [[write(row) for write in columns.values()] for row in records(rows)],
        [row.get(by) in totals for row in records(rows)],
    )


def by_method(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with each method's below each other, in the order in which the methods first occur."""
    order = {method: place for place, method in enumerate(dict.fromkeys(rows["method"]))}
    return rows.sort_values("method", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def records(rows: pd.DataFrame) -> list[Row]:
    """Return the rows as mappings from column to value."""
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _dice_marks(sites: pd.DataFrame, seeds: pd.DataFrame, name: str, methods: Sequence[str]) -> list[Mark]:
    own = {row["method"]: row for row in records(sites[sites["held_out"] == name])}
    single = seeds[seeds["held_out"] == name]
    return [
        _dice_mark(own[method], name, style, tuple(single.loc[single["method"] == method, "dice"]))
        for style, method in enumerate(methods)
    ]


def _difference_mark(row: Row, style: int) -> Mark:
    sure = "sure" if row["sure"] else "not sure"
    text = f"{row['method']}: {row['difference']:+.3f} ({span(row['low'], row['high'])}), {sure}"
    return Mark(row["difference"], row["low"], row["high"], style, text, hollow=not row["sure"])


def _dice_mark(row: Row, name: str, style: int, seeds: tuple[float, ...] = ()) -> Mark:
    between = span_or_why(
        row["dice_low"], row["dice_high"], row["fewest_groups" if "fewest_groups" in row else "n_groups"]
    )
    text = f"{row['method']}, {name}: {number(row['dice'])}{f' ({between})' if between else ''}"
    return Mark(float(row["dice"]), float(row["dice_low"]), float(row["dice_high"]), style, text, seeds=seeds)


def _points(rows: pd.DataFrame, column: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(rows["epoch"], rows[column], strict=True)]


def _float(value: Any) -> float:
    return np.nan if value is None else float(value)
