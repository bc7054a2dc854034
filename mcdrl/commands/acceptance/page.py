"""The page of an acceptance: the verdict, the promise beside it, what can be believed, how the frames differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from mcdrl.commands.acceptance.outcome import Figure
from mcdrl.commands.acceptance.run import Acceptance
from mcdrl.commands.acceptance.sentences import headline, points, warnings
from mcdrl.commands.acceptance.tally import Example
from mcdrl.drawing.charts import SHARE, Chart, ChartRow, Dot, Scale, axis_row, scale, strip
from mcdrl.drawing.formatting import counted, interval_or_why, number, percent, signed, span
from mcdrl.drawing.html_tables import HtmlTable
from mcdrl.drawing.overlays import Shot, outline, picture
from mcdrl.drawing.page import Notice, Page, PageSection, templates
from mcdrl.drawing.plots import Curve, Panel, curves
from mcdrl.metrics.shift import Place, Shift
from mcdrl.model.shipped import called

_UNIT = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
_EXTENT = Scale(-0.25, 1.25, (0.0, 1.0), neutral=2.0)  # of the training frames: 0 where it begins, 1 where it ends
_HERE, _THERE, _PLAIN = 0, 1, 7  # colours
_FOOTER = (
    "Made by mcdrl accept. The figures are in summary.csv, acceptance.json and, frame by frame, in cases.csv beside "
    "this page."
)


def render(found: Acceptance) -> str:
    """Return the page as HTML."""
    page = Page(
        title=headline(found),
        eyebrow="Acceptance at a new hospital",
        lead=_lead(found),
        notices=[Notice(f"{title} ", words, alarm) for title, words, alarm in warnings(found)],
        sections=list(_sections(found)),
        footer=_FOOTER,
    )
    return page.html()


def _lead(found: Acceptance) -> str:
    judged = counted(len(found.tally.cases()), "frame")
    how = "with the masks that were drawn there" if found.labelled else "that nobody has annotated"
    models = ", ".join(called(model) for model in found.models)
    return f"{judged} of {found.name}, {how}, segmented by {models}; a pixel is lesion from {found.threshold:g} on."


def _sections(found: Acceptance) -> Iterator[PageSection]:
    environment = templates("mcdrl.commands.acceptance")

    def section(name: str, title: str, **values: Any) -> PageSection:
        """Return a section from its template."""
        return PageSection(name, title, Markup(environment.get_template(f"{name}.html").render(found=found, **values)))

    yield section("answer", "Answer", points=points(found))
    yield section("promise", "Promise and outcome", chart=promise_chart(found), figures=figures_html(found))
    yield section("trust", "Trust", panels=list(trust_panels(found)), coverage=coverage_html(found))
    yield section(
        "shift", "Does the model know such frames", chart=shift_chart(found.shifts or []),
        figures=shift_html(found.shifts or []), confounders=confounders_html(found),
    )  # fmt: skip
    yield section("frames", "Frames", shots=shots(found))
    yield section("data", "What was read", reasons=reasons(found), read_as=read_as_html(found))


def promise_chart(found: Acceptance) -> Chart | None:
    """Draw the Dice of the sites left out, where it is expected at a new one, and what was found; None: no promise."""
    promise, expected, dice = found.promise, found.expected, found.outcome.figures.get("dice")
    if promise is None or expected is None:
        return None
    sites = {site: value for site, value in promise.by_site.items() if value is not None}
    here = [] if dice is None else [dice.value, dice.low, dice.high]
    axis = scale([*sites.values(), expected.low, expected.high, *here], fixed=SHARE)
    rows = [_row(site, value, (np.nan, np.nan), axis, _PLAIN) for site, value in sites.items()]
    between = "expected at a new site" if expected.predicted else "from lowest to highest"
    rows.append(_row(between, expected.mean, (expected.low, expected.high), axis, _THERE))
    if dice is not None and dice.n:
        rows.append(_row(f"found at {found.name}", dice.value, (dice.low, dice.high), axis, _HERE, strong=True))
    return Chart(rows, axis_row(axis))


def _row(
    label: str, value: float, ends: tuple[float, float], axis: Scale, style: int, *, strong: bool = False
) -> ChartRow:
    between = span(*ends)
    mark = Dot(value, *ends, style, f"{label}: {number(value)}{f' ({between})' if between else ''}")
    return ChartRow(label, strip([mark], axis), strong)


def figures_html(found: Acceptance) -> HtmlTable:
    """Format the figures beside what was promised of them."""
    headings = ["", "here", "95 % interval", "of", "promised", "95 % interval of the promise"]
    rows = [_figure_cells(figure) for figure in found.outcome.figures.values()]
    return HtmlTable(headings, rows, [figure.name == "dice" for figure in found.outcome.figures.values()])


def _figure_cells(one: Figure) -> list[str]:
    return [
        one.title,
        number(one.value, one.digits),
        interval_or_why(one.low, one.high, one.groups, one.digits) if one.groups else "",
        counted(one.n, one.of),
        number(one.promised, one.digits),
        span(one.promised_low, one.promised_high, one.digits),
    ]


def trust_panels(found: Acceptance) -> Iterator[Panel]:
    """Yield whether probabilities are right, and what leaving frames to a human is worth; nothing without masks."""
    if not found.labelled:
        return
    series = [
        Curve("before", _PLAIN, _reliability(found, after=False), dashed=True, dots=True),
        Curve("after", _HERE, _reliability(found, after=True), dots=True),
    ]
    svg = curves(series, _UNIT, _UNIT, "probability that the model gives", diagonal=True)
    yield Panel("share of pixels that are lesion", svg, [(_PLAIN, "before"), (_HERE, "after calibration")])
    if len(table := found.outcome.coverage):
        ours, best = (list(zip(table["left"], table[name], strict=True)) for name in ("dice", "dice_oracle"))
        lines = [Curve("the worst frames left first", _PLAIN, best, dashed=True), Curve("the model's", _HERE, ours)]
        axis = scale([*table["dice"], *table["dice_oracle"]], least=0.1, fixed=SHARE)
        x_axis = Scale(0.0, 0.5, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5))
        svg = curves(lines, x_axis, axis, "share of the frames left to a human")
        yield Panel("Dice of the frames that remain", svg, [(_PLAIN, "best order"), (_HERE, "by confidence")])


def _reliability(found: Acceptance, *, after: bool) -> list[tuple[float, float]]:
    bins = found.tally.bins(after=after).dropna(subset=["mean_probability"])
    return [(float(p), float(y)) for p, y in zip(bins["mean_probability"], bins["lesion_share"], strict=True)]


def coverage_html(found: Acceptance) -> HtmlTable | None:
    """Format the Dice of the frames that remain; None: there is none."""
    table = found.outcome.coverage
    if table.empty:
        return None
    rows = [
        [percent(left), str(kept), number(dice), number(oracle)]
        for left, kept, dice, oracle in zip(
            table["left"], table["n_kept"], table["dice"], table["dice_oracle"], strict=True
        )
    ]
    headings = ["left to a human", "frames that remain", "their Dice", "in the best order"]
    return HtmlTable(headings, rows, [False] * len(rows))


def shift_chart(shifts: Sequence[Shift]) -> Chart | None:
    """Draw each quantity that counts on the extent of the training frames, 0 to 1; None: nothing is known of them."""
    rows = [
        ChartRow(one.quantity.title, strip(_shift_marks(one, one.place), _EXTENT, per_line=2))
        for one in shifts
        if one.place is not None
    ]
    return Chart(rows, axis_row(_EXTENT)) if rows else None


def _shift_marks(one: Shift, place: Place) -> list[Dot]:
    width = (one.most - one.least) or 1.0
    low, high, here = ((value - one.least) / width for value in (one.lowest, one.highest, one.here))
    digits = one.quantity.digits
    there = f"training sites: {span(one.lowest, one.highest, digits)}"
    return [
        Dot((low + high) / 2, low, high, _PLAIN, there, hollow=True),
        Dot(here, np.nan, np.nan, _HERE, f"here: {number(one.here, digits)}, {place.value}"),
    ]


def shift_html(shifts: Sequence[Shift]) -> HtmlTable:
    """Format the quantities beside those of the training sites."""
    headings = ["", "here, median", "medians of the training sites", "extent of their frames", "frames beyond it", ""]
    rows = [
        [
            one.quantity.title,
            number(one.here, one.quantity.digits),
            span(one.lowest, one.highest, one.quantity.digits),
            span(one.least, one.most, one.quantity.digits),
            percent(one.beyond),
            one.place.value if one.place else "doesn't count",
        ]
        for one in shifts
    ]
    return HtmlTable(headings, rows, [False] * len(rows))


def confounders_html(found: Acceptance) -> HtmlTable | None:
    """Format what the dictionary's confounders score; None: no model reads the encoder that knows."""
    scores = found.tally.confounder_scores()
    if not scores:
        return None
    cases = found.tally.cases()["confounders"].str.split("; ")
    rows = [
        [name, signed(values.mean(), 1), percent(float(cases.map(lambda seen, name=name: name in seen).mean()))]
        for name, values in sorted(scores.items(), key=lambda one: -float(one[1].mean()))
    ]
    headings = ["confounder", "standard deviations above the training frames", "frames that show it"]
    return HtmlTable(headings, rows, [False] * len(rows))


def shots(found: Acceptance) -> list[tuple[str, list[Shot]]]:
    """Return the frames that are shown, kind by kind."""
    tally, level = found.tally, found.threshold
    kinds = (
        ("The worst by Dice", tally.worst), ("False alarms, the largest first", tally.alarms),
        ("The least confident", tally.doubtful),
    )  # fmt: skip
    shown = [(title, [_shot(one, level) for one in kind.examples()]) for title, kind in kinds]
    return [(title, some) for title, some in shown if some]


def _shot(one: Example, level: float) -> Shot:
    truth = [] if one.truth is None else [("truth", outline(one.truth))]
    outlines = (*truth, ("predicted", outline(one.probability, level)))
    row = one.row
    said = f"Dice {number(row.dice, 2)}" if row.lesion_class else f"confidence {number(row.confidence, 2)}"
    flag = " · flagged" if row.flagged == "yes" else ""
    kind = "no mask" if one.truth is None else row.lesion_class or "no lesion"
    return Shot(picture(one.image), one.image.shape[0], outlines, said + flag, f"{row.frame} · {kind}")


def reasons(found: Acceptance) -> HtmlTable | None:
    """Format which frames aren't judged, and why; None: all are."""
    cases = found.cases()
    why = cases.loc[cases["reason"] != "", "reason"].value_counts()
    if why.empty:
        return None
    rows = [[str(count), str(reason)] for reason, count in why.items()]
    return HtmlTable(["frames", "why they aren't judged"], rows, [False] * len(rows))


def read_as_html(found: Acceptance) -> HtmlTable | None:
    """Format the keys by which the folder was read; None: there are no masks to read."""
    rows = [[key, value] for key, value in found.read_as.items()]
    return HtmlTable(["key", "value"], rows, [False] * len(rows)) if rows else None
