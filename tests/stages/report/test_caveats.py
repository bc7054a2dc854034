"""What no reader may miss."""

import json

import pandas as pd
import pytest

from mcdrl.study.paths import LITE_TOWERS
from stages.report.caveats import aligned, flags, leak_words, notices
from stages.report.write import write_report
from tests.stages.report.fake_study import results_of


@pytest.fixture(scope="module")
def report(leaking, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report"
    write_report(results_of(leaking.study, leaking.artifacts), out)
    return out, (out / "index.html").read_text(encoding="utf-8")


def test_no_leak_no_warning():
    assert leak_words({}) == ""
    assert "1 of A, 2 of B" in leak_words({"A": 1, "B": 2})


def test_every_table_of_the_report_says_so(report):
    out, html = report
    tables = sorted(out.glob("*.csv"))
    assert len(tables) == 14
    for path in tables:
        assert pd.read_csv(path)["leaked_frames"].gt(0).any(), path.name
    assert json.loads((out / "metrics.json").read_text())["leaked_frames"] == 3
    banner = "ACCEPTED LEAK: frames of a held-out site were seen in training (1 of A, 2 of B)."
    assert html.count(banner) >= html.count("<table") + 1
    assert "<strong>Accepted leak</strong>" in html
    assert '<a href="#leakage">the leak audit</a>' in html


def test_a_clean_study_says_nothing_of_leaks(small, tmp_path):
    write_report(results_of(small.study, small.artifacts), tmp_path / "report")
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "ACCEPTED LEAK" not in html
    assert "No site has a frame of another one." in html
    assert pd.read_csv(tmp_path / "report" / "sites.csv")["leaked_frames"].eq(0).all()


@pytest.mark.parametrize(
    ("pretrained", "said", "above"),
    [("imagenet", [], []), ("random", ["RANDOM"], ["Random weights"]), ("file", ["UNCHECKED"], [])],
)
def test_weights_that_nobody_can_vouch_for_are_flagged(small, pretrained, said, above):
    inputs = results_of(small.study, small.artifacts).inputs
    for model in inputs.models.values():
        model["pretrained"] = pretrained
    assert [words.split()[0] for words in flags(inputs)] == said
    assert [notice.title for notice in notices(inputs) if notice.alarm] == above


def test_the_words_of_another_backbone_were_not_taught(small):
    for name in LITE_TOWERS:
        told = aligned(small.study.model_copy(update={"backbone": name}))
        assert told.startswith(f"The text tower of {name} was aligned on frames of the same renderer")
    assert aligned(small.study.model_copy(update={"backbone": "rn50"})) == ""
