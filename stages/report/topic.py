"""What a topic of the report gives: rows of CSV files, a section of the page, and its part of the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

import pandas as pd

Group = TypeVar("Group")


class Question(StrEnum):
    """What the opening of the page answers, in this order."""

    HOW_GOOD = "How good"
    HOW_SURE = "How sure"
    WHERE_IT_FAILS = "Where it fails"
    UNDER_STRESS = "When conditions get worse"
    WHEN_TO_BELIEVE = "When to believe it"
    WHAT_IT_IS_WORTH = "What the intervention is worth"
    WHAT_IT_LOOKS_AT = "What the intervention looks at"


@dataclass(frozen=True)
class Topic:
    """What one topic says about a study.

    Attributes:
        name: the anchor of its section, and its template in `stages/report/topics/templates`.
        title: in the page's navigation.
        values: what its template shows, beside what every template has (`stages.report.page`); None: the study has
            nothing to show, so there is no section.
        short: what its template shows otherwise where the page has no room for all; a page of its own then has that.
        tables: file name without suffix -> rows of a CSV file.
        sentences: its part of the answer: (question, sentence).
        figures: what `dvc metrics` follows; undefined ones are None or NaN.
    """

    name: str
    title: str
    values: Mapping[str, Any] | None
    short: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    sentences: Sequence[tuple[Question, str]] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


def first(groups: Mapping[str, Group], count: int) -> dict[str, Group]:
    """Return the first few of what is shown site by site or method by method."""
    return dict(islice(groups.items(), count))
