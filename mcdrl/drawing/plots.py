"""Plots in a box as inline SVG: lines with bands, small multiples, scatter plots and heat maps.

They take the page's colours, dark or light. A plot with a name is one picture to a screen reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from mcdrl.drawing.charts import COLOURS, Points, Scale, scale
from mcdrl.drawing.formatting import escaped, shorten
from mcdrl.metrics.counts import Floats, Ints

_LEFT, _WIDTH, _TOP, _BOTTOM = 38, 274, 10, 152  # of the box inside 320 x 190
_POINTS = 250  # side of a scatter plot


@dataclass(frozen=True)
class Curve:
    """A line of a plot.

    Attributes:
        name: shown on hovering, and read out.
        style: index of the colour.
        points: (x, y); those that aren't finite are left out.
        band: (x, low, high) of the interval around it.
        dashed: a control, or a reference.
        dots: mark every point rather than the last one.
    """

    name: str
    style: int
    points: Points
    band: Sequence[tuple[float, float, float]] = ()
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Panel:
    """A small plot with its heading and legend: (index of the colour, name)."""

    title: str
    svg: Markup
    legend: list[tuple[int, str]]


def lines(
    series: Mapping[str, tuple[int, Points]], x_label: str, *, fixed: tuple[float, float] | None = None
) -> Markup:
    """Draw lines over whole numbers, such as epochs, in a box of 320 x 190 px.

    Args:
        series: name -> (index of the colour, points); points that aren't finite are left out.
        x_label: below the horizontal axis.
        fixed: ends that the vertical axis never crosses.
    """
    drawn = [Curve(name, style, points) for name, (style, points) in series.items()]
    everything = [point for curve in drawn for point in _finite(curve.points)] or [(0.0, 0.0)]
    x_axis = _whole_axis([x for x, _ in everything])
    return curves(drawn, x_axis, scale([y for _, y in everything], least=0.1, fixed=fixed), x_label)


def curves(series: Iterable[Curve], x_axis: Scale, y_axis: Scale, x_label: str, *, diagonal: bool = False) -> Markup:
    """Draw curves in a box of 320 x 190 px, with the line y = x if that is what they should follow."""
    drawn = list(series)
    names = "; ".join(_spoken(curve) for curve in drawn)
    ideal = _path([(0.0, 0.0), (1.0, 1.0)], x_axis, y_axis, "ideal") if diagonal else ""
    body = _box(x_axis, y_axis, x_label) + ideal + "".join(_curve(curve, x_axis, y_axis) for curve in drawn)
    return Markup(f'<svg class="lines" viewBox="0 0 320 190" role="img" aria-label="{escaped(names)}">{body}</svg>')


def scatter(places: Floats, kinds: Ints, names: Sequence[str]) -> Markup:
    """Draw points [n, 2] in a square, coloured by kind [n], an index into `names`; kinds are shuffled in depth."""
    low, high = places.min(axis=0), places.max(axis=0)
    unit = (places - (low + high) / 2) / max(float((high - low).max()), 1e-9)
    at = np.rint((unit * (_POINTS - 20) + _POINTS / 2) * 10) / 10
    groups = []
    for start in range(0, len(at), 50):  # in slices, so that no kind lies on top of all others
        part, own = at[start : start + 50], kinds[start : start + 50]
        for kind in np.unique(own):
            path = "".join(f"M{x:g} {y:g}h0" for x, y in part[own == kind])
            groups.append(f'<path class="c{kind % COLOURS} k{kind % COLOURS}" d="{path}"/>')
    spoken = "; ".join(f"{name}: {int((kinds == kind).sum())} points" for kind, name in enumerate(names))
    return Markup(
        f'<svg class="scatter" viewBox="0 0 {_POINTS} {_POINTS}" role="img" aria-label="{escaped(spoken)}">'
        f"{''.join(groups)}</svg>"
    )


def heat_map(
    values: Floats, rows: Sequence[str], columns: Sequence[str], *, low: float, high: float, digits: int = 2
) -> Markup:
    """Draw a table [R, C] of numbers from `low` to `high` as a picture: the fuller, the larger; NaN stays empty."""
    cell_x, cell_y, left, top = 52, 26, 152, 84
    body = [
        f'<text class="end" x="{left - 8}" y="{top + r * cell_y + cell_y / 2 + 4}">{escaped(name)}</text>'
        for r, name in enumerate(rows)
    ]
    for c, name in enumerate(columns):
        x = left + c * cell_x + cell_x / 2
        body.append(f'<text transform="translate({x} {top - 8}) rotate(-40)">{escaped(shorten(name, 14))}</text>')
        body += [
            _heat_cell(float(value), (low, high), left + c * cell_x, top + r * cell_y, (cell_x, cell_y), digits)
            for r, value in enumerate(values[:, c])
        ]
    width, height = left + len(columns) * cell_x + 70, top + len(rows) * cell_y + 4
    return Markup(
        f'<svg class="matrix" viewBox="0 0 {width} {height}" width="{width}" aria-hidden="true">{"".join(body)}</svg>'
    )


def _heat_cell(value: float, ends: tuple[float, float], x: float, y: float, size: tuple[int, int], digits: int) -> str:
    if not np.isfinite(value):
        return f'<text class="mid number" x="{x + size[0] / 2}" y="{y + size[1] / 2 + 4}">–</text>'
    share = min(max((value - ends[0]) / max(ends[1] - ends[0], 1e-9), 0.0), 1.0)
    light = " light" if share > 0.55 else ""
    text = f"{value:.{digits}f}".removeprefix("0")
    return (
        f'<rect x="{x}" y="{y}" width="{size[0] - 1}" height="{size[1] - 1}" fill-opacity="{share:.3f}"/>'
        f'<text class="mid number{light}" x="{x + size[0] / 2}" y="{y + size[1] / 2 + 4}">{text}</text>'
    )


def _finite(points: Points) -> list[tuple[float, float]]:
    return [point for point in points if np.isfinite(point[1])]


def _spoken(curve: Curve) -> str:
    points = _finite(curve.points)
    if not points:
        return f"{curve.name}: no value"
    (x0, y0), (x1, y1) = points[0], points[-1]
    return f"{curve.name}: from {y0:.3g} at {x0:g} to {y1:.3g} at {x1:g}"


def _whole_axis(values: Sequence[float]) -> Scale:
    low, high = min(values), max(values)
    high = max(high, low + 1)
    step = max(1, round((high - low) / 5))
    return Scale(low, high, tuple(float(tick) for tick in np.arange(low, high + 1e-9, step)))


def _box(x_axis: Scale, y_axis: Scale, x_label: str) -> str:
    parts = []
    for tick in y_axis.ticks:
        y = _y(y_axis, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + _WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="end" x="{_LEFT - 6}" y="{y + 4}">{tick:g}</text>')
    parts += [f'<text class="mid" x="{_x(x_axis, tick)}" y="170">{tick:g}</text>' for tick in x_axis.ticks]
    parts.append(f'<text class="mid" x="{_LEFT + _WIDTH / 2}" y="186">{escaped(x_label)}</text>')
    return "".join(parts)


def _curve(curve: Curve, x_axis: Scale, y_axis: Scale) -> str:
    points = _finite(curve.points)
    marked = points if curve.dots else points[-1:]
    dots = "".join(f'<circle cx="{_x(x_axis, x)}" cy="{_y(y_axis, y)}" r="3"/>' for x, y in marked)
    dashed = "dashed" if curve.dashed else ""
    body = _band(curve.band, x_axis, y_axis) + _path(points, x_axis, y_axis, dashed) + dots
    return f'<g class="c{curve.style % COLOURS}"><title>{escaped(curve.name)}</title>{body}</g>'


def _band(band: Sequence[tuple[float, float, float]], x_axis: Scale, y_axis: Scale) -> str:
    kept = [row for row in band if np.isfinite(row[1:]).all()]
    if not kept:
        return ""
    there, back = [(x, low) for x, low, _ in kept], [(x, high) for x, _, high in reversed(kept)]
    corners = " ".join(f"{_x(x_axis, x)},{_y(y_axis, y)}" for x, y in [*there, *back])
    return f'<polygon class="band" points="{corners}"/>'


def _path(points: Points, x_axis: Scale, y_axis: Scale, kind: str) -> str:
    path = " ".join(f"{_x(x_axis, x)},{_y(y_axis, y)}" for x, y in points)
    return f'<polyline class="{kind}" points="{path}"/>' if kind else f'<polyline points="{path}"/>'


def _x(axis: Scale, value: float) -> float:
    return round(_LEFT + axis.percent(value) * _WIDTH / 100, 2)


def _y(axis: Scale, value: float) -> float:
    return round(_BOTTOM - axis.percent(value) * (_BOTTOM - _TOP) / 100, 2)
