"""The page: the answer, then a section for each topic that has something to show.

A study of many sites and methods has more to show than a page can hold. The longest sections are then shortened: of
tables the rows that sum up others, of pictures those that a topic calls its short ones. All of such a section is a page
of its own beside the page, which is linked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from mcdrl.drawing.formatting import counted
from mcdrl.drawing.html_tables import HtmlTable
from mcdrl.drawing.page import Page, PageSection, templates
from mcdrl.study.params import Study
from stages.report.answer import answer
from stages.report.caveats import flags, notices
from stages.report.results import Results
from stages.report.topic import Topic

INDEX = "index.html"
MOST = 1_800_000  # characters of a page's sections, pictures and all; beside them are 20,000 of style and script
_BACK = Markup('A section of <a href="{}">the report</a>, with all sites and methods.').format(INDEX)
_EYEBROW = "Lesion segmentation at sites never seen"
_FOOTER = (
    "Made by mcdrl from params.yaml. The figures are in the CSV files beside this page, pairs and profiles in "
    "artifacts/audit."
)


def render(results: Results, topics: Sequence[Topic]) -> dict[str, str]:
    """Return the page, `INDEX`, and those of the sections that it has no room for: file name -> HTML.

    Args:
        results: of the study.
        topics: what each topic says, in the order of the page.
    """
    found = answer(results, topics)
    drafts = list(_drafts(results, topics))
    long = too_long({draft.section.name: draft.sizes for draft in drafts}, MOST)
    sections = [draft.short if draft.section.name in long else draft.section for draft in drafts]
    opening = _section(templates("stages.report", flags(results.inputs)), "answer", "Answer", {"answer": found})
    said = notices(results.inputs)
    page = Page(found.title, _EYEBROW, _lead(results.study), said, [opening, *sections], _FOOTER)
    further = {draft.short.whole: draft.section for draft in drafts if draft.section.name in long}
    return {INDEX: page.html(), **{file: _alone(results, section) for file, section in further.items()}}


@dataclass(frozen=True)
class _Draft:
    """A section.

    Attributes:
        section: all of it.
        short: what is left of it where there is no room; the same where it has nothing to leave out.
    """

    section: PageSection
    short: PageSection

    @property
    def sizes(self) -> tuple[int, int]:
        """How long both are, in characters."""
        return len(self.section.html), len(self.short.html)


def too_long(sizes: Mapping[str, tuple[int, int]], most: int) -> set[str]:
    """Return the sections to shorten so that all together fit: first those that lose most by it.

    Args:
        sizes: a section's name -> how long it is, and how long when it is shortened.
        most: characters that a page may have.
    """
    left = sum(whole for whole, _ in sizes.values())
    chosen: set[str] = set()
    for name, (whole, short) in sorted(sizes.items(), key=lambda one: one[1][1] - one[1][0]):
        if left <= most or short >= whole:
            break
        chosen.add(name)
        left -= whole - short
    return chosen


def _alone(results: Results, section: PageSection) -> str:
    """Return all of a section as a page."""
    return Page(section.title, _EYEBROW, _BACK, notices(results.inputs, INDEX), [section], _FOOTER).html()


def _lead(study: Study) -> str:
    return (
        "Each site is left out in turn: the networks are trained on all others and judged on it. Backbone "
        f"{study.backbone}, {counted(len(study.methods), 'method')}, {counted(len(study.held_out), 'held-out site')}, "
        f"{counted(len(study.seeds), 'seed')}."
    )


def _drafts(results: Results, topics: Sequence[Topic]) -> Iterator[_Draft]:
    shared = {
        "study": results.study,
        "methods": list(enumerate(results.study.methods)),  # with the indices of their colours
        "reference": results.reference,
    }
    environment = templates("stages.report.topics", flags(results.inputs))
    for topic in topics:
        if topic.values is not None:
            whole = _section(environment, topic.name, topic.title, {**shared, **topic.values})
            short = _section(
                environment, topic.name, topic.title, {**shared, **_shortened(topic.values), **topic.short}
            )
            yield _Draft(whole, replace(short, whole=f"{topic.name}.html"))


def _shortened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a topic with its tables shortened."""
    return {name: value.short if isinstance(value, HtmlTable) else value for name, value in values.items()}


def _section(environment: Environment, name: str, title: str, values: dict[str, Any]) -> PageSection:
    return PageSection(name, title, Markup(environment.get_template(f"{name}.html").render(values)))
