"""Figures as people read them: in tables, beside dots, in sentences. What is undefined is a dash, or says why.

What rounds to zero is zero without a sign, which would say on which side it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from mcdrl.base.text import printable
from mcdrl.metrics.intervals import LEAST_GROUPS

NO_SPREAD = "none: no spread"  # why a figure has no interval where groups are many enough


def escaped(text: str) -> Markup:
    """Return a text as HTML that shows it as it is; see `printable`."""
    return escape(printable(text))


def number(value: Any, digits: int = 3) -> str:
    """Return a number as text; a dash for what is undefined."""
    return "–" if value is None or pd.isna(value) else f"{value:z.{digits}f}"


def signed(value: Any, digits: int = 3) -> str:
    """Return a difference as text, with its sign; a dash for what is undefined."""
    return "–" if value is None or pd.isna(value) else _with_sign(value, digits)


def span(low: Any, high: Any, digits: int = 3) -> str:
    """Return an interval as text; empty for what is undefined."""
    return "" if pd.isna(low) or pd.isna(high) else f"{low:z.{digits}f} to {high:z.{digits}f}"


def span_or_why(low: Any, high: Any, groups: int, digits: int = 3) -> str:
    """Return an interval as text; where there is none, of how few groups it would have been (of a site's fewest)."""
    return span(low, high, digits) or (f"none: {counted(groups, 'group')}" if groups < LEAST_GROUPS else "")


def interval_or_why(low: Any, high: Any, groups: int, digits: int = 3) -> str:
    """Return an interval as text as `span_or_why`; where there are groups enough and none, that they show no spread."""
    return span_or_why(low, high, groups, digits) or NO_SPREAD


def seed_span(low: Any, high: Any, n_seeds: int) -> str:
    """Return the interval over seeds as text; where there is none, that there is but one training, or no spread."""
    return "one training each" if n_seeds == 1 else span(low, high) or NO_SPREAD


def seed_words(low: float, high: float, n_seeds: int) -> str:
    """Return the interval over seeds as the end of a sentence, in hundredths; empty for one seed."""
    if n_seeds == 1:
        return ""
    between = "none" if pd.isna(low) else f"{bare_points(low)} to {bare_points(high)}"
    return f" and {between} over {n_seeds} seeds" + (", which are alike" if pd.isna(low) else "")


def too_few(groups: int) -> str:
    """Return why there is no interval, given the groups of the site that has the fewest."""
    return f"the site with the fewest has {counted(groups, 'group')}, {LEAST_GROUPS} are needed"


def counted(number_: int, noun: str) -> str:
    """Return a number of things as text."""
    return f"{number_} {noun}" if number_ == 1 else f"{number_} {noun}s"


def points(share: float, *, sign: bool = False) -> str:
    """Return a difference of shares as text, in hundredths."""
    figure = bare_points(share) if sign else f"{100 * share:z.1f}"
    return f"{figure} point" if figure in ("1.0", "+1.0") else f"{figure} points"


def bare_points(share: float) -> str:
    """Return a difference of shares as text, in hundredths, with its sign and without the word."""
    return _with_sign(100 * share, 1)


def _with_sign(value: float, digits: int) -> str:
    text = f"{value:+z.{digits}f}"
    return text if float(text) else text.removeprefix("+")


def percent(share: float) -> str:
    """Return a share as text, in whole per cent; of what is neither none nor all, not "0 %" or "100 %"."""
    if 0 < share < 1 and not 0.005 < share < 0.995:
        return "under 1 %" if share < 0.5 else "over 99 %"
    return f"{100 * share:z.0f} %"


def p_value(value: float) -> str:
    """Return a p value as text for a cell; a dash for what is undefined."""
    if pd.isna(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_words(value: float) -> str:
    """Return a p value as text for a sentence."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def listed(names: Sequence[str]) -> str:
    """Return names as text: a, b and c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def shorten(name: str, letters: int) -> str:
    """Return a name cut to a number of letters."""
    return name if len(name) <= letters else name[: letters - 1] + "…"
