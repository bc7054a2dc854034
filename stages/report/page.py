"""The page: the answer, then a section for each topic that has something to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from mcdrl.drawing.formatting import counted
from mcdrl.drawing.page import Page, Section, templates
from mcdrl.study.params import Study
from stages.report.answer import Answer, answer
from stages.report.caveats import flags, notices
from stages.report.results import Results
from stages.report.topic import Topic

_FOOTER = (
    "Made by mcdrl from params.yaml. The figures are in the CSV files beside this page, pairs and profiles in "
    "artifacts/audit."
)


def render(results: Results, topics: Sequence[Topic]) -> str:
    """Return the page as HTML.

    Args:
        results: of the study.
        topics: what each topic says, in the order of the page.
    """
    found = answer(results, topics)
    page = Page(
        title=found.title,
        eyebrow="Lesion segmentation at sites never seen",
        lead=_lead(results.study),
        notices=notices(results.inputs),
        sections=list(_sections(results, found, topics)),
        footer=_FOOTER,
    )
    return page.html()


def _lead(study: Study) -> str:
    return (
        "Each site is left out in turn: the networks are trained on all others and judged on it. Backbone "
        f"{study.backbone}, {counted(len(study.methods), 'method')}, {counted(len(study.held_out), 'held-out site')}, "
        f"{counted(len(study.seeds), 'seed')}."
    )


def _sections(results: Results, found: Answer, topics: Sequence[Topic]) -> Iterator[Section]:
    shared = {
        "study": results.study,
        "methods": list(enumerate(results.study.methods)),  # with the indices of their colours
        "reference": results.reference,
    }
    said = flags(results.inputs)
    opening, environment = templates("stages.report", said), templates("stages.report.topics", said)
    yield _section(opening, "answer", "Answer", {"answer": found})
    for topic in topics:
        if topic.values is not None:
            yield _section(environment, topic.name, topic.title, {**shared, **topic.values})


def _section(environment: Environment, name: str, title: str, values: dict[str, Any]) -> Section:
    return Section(name, title, Markup(environment.get_template(f"{name}.html").render(values)))
