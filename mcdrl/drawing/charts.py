"""Charts as inline SVG: they take the page's colours, dark or light, and its width.

Horizontal positions are percentages, so that a chart fills its place on any screen and its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from mcdrl.drawing.formatting import escaped, number, shorten, span_or_why
from mcdrl.metrics.counts import Floats

Points = Sequence[tuple[float, float]]
_ROW, _GAP = 20, 8  # height of a mark and between rows, px
COLOURS = 8
SHARE = (0.0, 1.0)  # ends that the axis of a share never crosses
_RIDGE, _RIDGE_LEFT, _BINS, _NAME = 30, 104, 32, 16  # height and left end of a distribution, px; bins; letters


@dataclass(frozen=True)
class Dot:
    """One dot of a row.

    Attributes:
        value: where the dot is.
        low: where its whisker starts; NaN: it has none.
        high: where the whisker ends.
        style: index of the colour.
        label: what it is, shown on hovering.
        hollow: an outlined dot.
        seeds: the same for each seed alone, drawn as small dots.
    """

    value: float
    low: float
    high: float
    style: int
    label: str
    hollow: bool = False
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True)
class ChartRow:
    """A labelled row of a chart, as from `strip`; strong: it sums up others."""

    label: str
    strip: Markup
    strong: bool = False


@dataclass(frozen=True)
class Chart:
    """Rows above a common axis, as from `axis_row`."""

    rows: list[ChartRow]
    axis: Markup


@dataclass(frozen=True)
class Scale:
    """A linear axis.

    Attributes:
        low: its left or lower end.
        high: the other end.
        ticks: the values that are written.
        neutral: the value that says "no difference"; it is marked where it lies inside.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    neutral: float = 0.0

    def percent(self, value: float) -> float:
        """Return the place of a value, 0..100, kept inside the axis."""
        place = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(place, 0.0), 1.0), 3)


def interval_mark(
    label: str, value: float, ends: tuple[float, float], groups: int, style: int, seeds: tuple[float, ...] = ()
) -> Dot:
    """Return the dot of a figure with its interval, and text that says both, or why there is none.

    Args:
        label: what the figure is of.
        value: the figure.
        ends: of its interval; NaN: it has none.
        groups: of how few groups it is.
        style: index of the colour.
        seeds: the figure for each seed alone.
    """
    between = span_or_why(*ends, groups)
    text = f"{label}: {number(value)}{f' ({between})' if between else ''}"
    return Dot(float(value), float(ends[0]), float(ends[1]), style, text, seeds=seeds)


def scale(
    values: Sequence[float], *, least: float = 0.2, fixed: tuple[float, float] | None = None, neutral: float = 0.0
) -> Scale:
    """Return an axis with round ticks around the finite values.

    Args:
        values: what must fit; others than finite are ignored.
        least: the smallest width of the axis.
        fixed: ends that the axis never crosses, such as (0, 1) for a share.
        neutral: see `Scale`.
    """
    finite = [float(value) for value in values if np.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    spare = max(0.06 * (high - low), (least - (high - low)) / 2, 0.0)
    low, high = low - spare, high + spare
    if fixed:
        low, high = max(low, fixed[0]), min(high, fixed[1])
    step = _step(high - low)
    low, high = float(np.floor(low / step + 1e-9) * step), float(np.ceil(high / step - 1e-9) * step)
    ticks = np.arange(round((high - low) / step) + 1) * step + low
    return Scale(low, high, tuple(round(float(tick), 6) for tick in ticks), neutral)


def strip(marks: Sequence[Dot], axis: Scale, *, per_line: int = 1) -> Markup:
    """Draw a row of a chart: a whisker and a dot for each mark, `per_line` of them at one height."""
    height = -(-max(1, len(marks)) // per_line) * _ROW + _GAP
    lines = "".join(_grid(axis, tick, height) for tick in dict.fromkeys([*axis.ticks, axis.neutral]))
    places = [index // per_line * _ROW + (_ROW + _GAP) / 2 for index in range(len(marks))]
    dots = "".join(_mark(mark, axis, y) for mark, y in zip(marks, places, strict=True))
    spoken = escaped("; ".join(mark.label for mark in marks))
    return Markup(
        f'<svg class="strip" width="100%" height="{height}" role="img" aria-label="{spoken}">{lines}{dots}</svg>'
    )


def axis_row(axis: Scale) -> Markup:
    """Draw the numbers below a chart."""
    texts = "".join(
        f'<text x="{axis.percent(tick)}%" y="13" text-anchor="middle">{tick:g}</text>' for tick in axis.ticks
    )
    return Markup(f'<svg class="strip axis" width="100%" height="18" aria-hidden="true">{texts}</svg>')


def ridges(series: Mapping[str, Floats], title: str, *, fixed: tuple[float, float] | None = None) -> Markup:
    """Draw distributions one below the other above a common axis, each with its median, 320 px wide.

    The axis spans all values but the outer hundredth at each end, which counts for the outermost bins.

    Args:
        series: name -> finite values; the colour follows the order.
        title: what the values are; with the medians it is the picture's name to a screen reader.
        fixed: ends that the axis never crosses.
    """
    everything = np.concatenate([np.zeros(0), *series.values()])
    ends = np.quantile(everything, (0.01, 0.99)) if len(everything) else np.zeros(2)
    axis = scale([float(end) for end in ends], least=max(1e-3, 1e-3 * float(np.abs(ends).max())), fixed=fixed)
    bottom = 8 + _RIDGE * len(series)
    body = "".join(_ridge_grid(axis, tick, bottom) for tick in axis.ticks)
    for style, (name, values) in enumerate(series.items()):
        body += _ridge(name, values, style, axis, 8 + _RIDGE * (style + 1))
    medians = ", ".join(f"{name} {np.median(values):.3g}" for name, values in series.items() if len(values))
    spoken = escaped(f"{title}; medians: {medians or 'none'}")
    return Markup(
        f'<svg class="lines ridges" viewBox="0 0 320 {bottom + 20}" role="img" aria-label="{spoken}">{body}</svg>'
    )


def matrix(values: Floats, labels: Sequence[str], title: str) -> Markup:
    """Draw a symmetric matrix of numbers up to 1 with its labels and its title: the darker, the closer to 1."""
    n, cell, left, top = len(labels), 36, 150, 120
    low = float(values.min()) if n else 0.0
    body = []
    for row in range(n):
        at = left + row * cell + cell / 2
        body.append(
            f'<text x="{left - 8}" y="{top + row * cell + cell / 2 + 4}" class="end">{escaped(labels[row])}</text>'
        )
        body.append(f'<text transform="translate({at + 4} {top - 8}) rotate(-50)">{escaped(labels[row])}</text>')
        body += [_cell(float(values[row, k]), low, left + k * cell, top + row * cell, cell) for k in range(n)]
    width, height = left + n * cell + 90, top + n * cell + 6
    return Markup(
        f'<svg class="matrix" viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escaped(title)}">'
        f"{''.join(body)}</svg>"
    )


def _ridge_grid(axis: Scale, tick: float, bottom: int) -> str:
    x = _ridge_x(axis, tick)
    return (
        f'<line class="grid" x1="{x}" x2="{x}" y1="4" y2="{bottom}"/>'
        f'<text class="mid" x="{x}" y="{bottom + 14}">{tick:g}</text>'
    )


def _ridge(name: str, values: Floats, style: int, axis: Scale, base: int) -> str:
    label = f'<text class="end" x="{_RIDGE_LEFT - 8}" y="{base - 3}">{escaped(shorten(name, _NAME))}</text>'
    if not len(values):
        return f'{label}<text x="{_RIDGE_LEFT}" y="{base - 3}">no value</text>'
    counts, edges = np.histogram(np.clip(values, axis.low, axis.high), _BINS, (axis.low, axis.high))
    heights = base - (_RIDGE - 4) * counts / counts.max()
    centres = (edges[1:] + edges[:-1]) / 2
    points = [(axis.low, float(base)), *zip(centres, heights, strict=True), (axis.high, float(base))]
    path = " ".join(f"{_ridge_x(axis, x)},{round(float(y), 2)}" for x, y in points)
    middle = float(np.median(values))
    x = _ridge_x(axis, middle)
    return (
        f'<g class="c{style % COLOURS}"><title>{escaped(name)}: median {middle:.3g} of {len(values)} frames</title>'
        f'{label}<polygon points="{path}"/>'
        f'<line class="median" x1="{x}" x2="{x}" y1="{base - _RIDGE + 4}" y2="{base}"/></g>'
    )


def _ridge_x(axis: Scale, value: float) -> float:
    return round(_RIDGE_LEFT + axis.percent(value) * (300 - _RIDGE_LEFT) / 100, 2)


def _step(span: float) -> float:
    """Return the round number that cuts a span into three to six parts."""
    rough = max(span, 1e-9) / 6
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(power * k for k in (1, 2, 2.5, 5, 10) if power * k >= rough - 1e-12))


def _grid(axis: Scale, tick: float, height: float) -> str:
    if not axis.low <= tick <= axis.high:
        return ""
    style = "zero" if tick == axis.neutral and axis.low < tick else "grid"
    return f'<line class="{style}" x1="{axis.percent(tick)}%" x2="{axis.percent(tick)}%" y1="0" y2="{height}"/>'


def _mark(mark: Dot, axis: Scale, y: float) -> str:
    if not np.isfinite(mark.value):
        return f'<text class="none" x="2" y="{y + 4}">undefined</text>'
    whisker = ""
    if np.isfinite(mark.low) and np.isfinite(mark.high):
        left, right = axis.percent(mark.low), axis.percent(mark.high)
        whisker = f'<line class="whisker" x1="{left}%" x2="{right}%" y1="{y}" y2="{y}"/>'
    hollow = ' class="hollow"' if mark.hollow else ""
    seeds = "".join(
        f'<circle class="seed" cx="{axis.percent(value)}%" cy="{y}" r="2.5"/>'
        for value in mark.seeds
        if np.isfinite(value)
    )
    dot = f'<circle cx="{axis.percent(mark.value)}%" cy="{y}" r="5.5"{hollow}/>'
    return f'<g class="c{mark.style % COLOURS}"><title>{escaped(mark.label)}</title>{whisker}{dot}{seeds}</g>'


def _cell(value: float, low: float, x: float, y: float, size: int) -> str:
    share = (value - low) / max(1 - low, 1e-6)
    light = " light" if share > 0.55 else ""
    return (
        f'<rect x="{x}" y="{y}" width="{size - 1}" height="{size - 1}" fill-opacity="{share:.3f}"/>'
        f'<text class="mid number{light}" x="{x + size / 2}" y="{y + size / 2 + 4}">{_short(value)}</text>'
    )


def _short(value: float) -> str:
    text = f"{value:z.2f}"
    return "1" if text == "1.00" else text.replace("0.", ".", 1)
