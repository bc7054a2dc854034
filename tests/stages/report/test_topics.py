"""A topic is a file, a template of its name, and a line; what it means is part of the stage's digest."""

from pathlib import Path

import pytest

import mcdrl.drawing
import stages.report
from mcdrl.study.code import closure
from stages.report import topics
from tests.stages.report.fake_study import results_of

REPORT, DRAWING = (Path(package.__file__).parent for package in (stages.report, mcdrl.drawing))
FILES = {path.stem for path in (REPORT / "topics").glob("*.py")} - {"__init__"}


@pytest.fixture(scope="module")
def found(small):
    results = results_of(small.study, small.artifacts)
    return [topic(results) for topic in topics.TOPICS]


def test_a_file_a_template_an_anchor_and_a_line_have_one_name(found):
    assert [topic.name for topic in found] == [topic.__module__.rpartition(".")[2] for topic in topics.TOPICS]
    assert {topic.name for topic in found} == FILES
    assert {path.stem for path in (REPORT / "topics" / "templates").iterdir()} == FILES
    for name in FILES:
        text = (REPORT / "topics" / "templates" / f"{name}.html").read_text(encoding="utf-8")
        assert text.count("<section") == text.count(f'<section id="{name}"') == 1


def test_no_two_topics_write_one_file_or_one_figure(found):
    for of in ("tables", "figures"):
        names = [name for topic in found for name in getattr(topic, of)]
        assert len(names) == len(set(names)) > 0


def test_no_topic_imports_another():
    for name in FILES:
        assert "stages.report.topics" not in (REPORT / "topics" / f"{name}.py").read_text(encoding="utf-8")


def test_every_template_style_and_script_is_part_of_the_digest():
    read = closure(["stages.report.__main__"])
    for root in (REPORT, DRAWING):
        files = {path for path in root.rglob("*") if path.suffix in {".html", ".css", ".js"}}
        assert files
        assert files <= read
