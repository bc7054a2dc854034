"""The leak audit on the page, and that every table says so."""

import json

import pandas as pd
import pytest

from stages.report.inputs import read_inputs
from stages.report.sharing import containment_sheet, first_pairs, leaked_frames, pairs_sheet, warning, with_leaks
from stages.report.write import write_report
from tests.factories import section_params
from tests.stages.report.fake_study import RAW, build, study_of

PAIRS = (
    ("A/001", "B/003", "identical", True),
    ("A/001", "B/004", "near", True),
    ("A/005", "A/006", "near", False),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study whose sites A and B share frames; C, which has none of them, isn't held out."""
    study = study_of(sites=("A", "B", "C"), held_out=("A", "B"))
    return study, build(tmp_path_factory.mktemp("leaks") / "artifacts", study, pairs=PAIRS)


@pytest.fixture(scope="module")
def report(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report"
    write_report(read_inputs(*study), section_params("report", bootstrap=100, examples=1), study[1], out, RAW)
    return out, (out / "index.html").read_text(encoding="utf-8")


def test_frames_of_the_held_out_site_are_counted_once(study):
    pairs = read_inputs(*study).pairs
    assert leaked_frames(pairs, ["A", "B", "C"]) == {"A": 1, "B": 2}
    assert leaked_frames(pairs.iloc[2:], ["A", "B", "C"]) == {}


def test_a_row_counts_its_own_site_or_all():
    rows = pd.DataFrame({"held_out": ["A", "C", "mean", "worst", "all"]})
    assert with_leaks(rows, {"A": 1, "B": 2})["leaked_frames"].tolist() == [1, 0, 3, 3, 3]
    assert with_leaks(pd.DataFrame({"lesion_class": ["polyp"]}), {"A": 1, "B": 2})["leaked_frames"].tolist() == [3]
    assert with_leaks(rows, {})["leaked_frames"].tolist() == [0] * 5


def test_no_leak_no_warning():
    assert warning({}) == ""
    assert "1 of A, 2 of B" in warning({"A": 1, "B": 2})


def test_every_table_of_the_report_says_so(report):
    out, html = report
    tables = sorted(out.glob("*.csv"))
    assert len(tables) == 10
    for path in tables:
        assert pd.read_csv(path)["leaked_frames"].gt(0).any(), path.name
    assert json.loads((out / "metrics.json").read_text())["leaked_frames"] == 3
    banner = "ACCEPTED LEAK: frames of a held-out site were seen in training (1 of A, 2 of B)."
    assert html.count(banner) >= html.count("<table") + 1
    assert "<strong>Accepted leak</strong>" in html


def test_a_clean_study_says_nothing_of_leaks(small, tmp_path):
    write_report(
        read_inputs(small.study, small.artifacts),
        section_params("report", bootstrap=100),
        small.artifacts,
        tmp_path / "report",
        RAW,
    )
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "ACCEPTED LEAK" not in html
    assert "No site has a frame of another one." in html
    assert pd.read_csv(tmp_path / "report" / "sites.csv")["leaked_frames"].eq(0).all()


def test_counts_and_containment(study):
    inputs = read_inputs(*study)
    assert pairs_sheet(inputs.pairs).rows == [
        ["across sites", "1", "1", "1", "2"], ["across groups of a site", "0", "1", "0", "0"],
        ["inside a group", "0", "0", "0", "0"],
        ["across training and validation, which does without", "0", "0", "0", "0"],
    ]  # fmt: skip
    rows = containment_sheet(inputs.pairs, inputs.cases).rows
    assert rows == [["B", "A", "2", "12", "16.7 %"], ["A", "B", "1", "12", "8.3 %"]]


def test_pairs_across_sites_are_shown_first(study, report):
    shown = first_pairs(read_inputs(*study).pairs.iloc[::-1], 1)
    assert shown["case_b"].tolist() == ["B/004", "A/006"]
    _, html = report
    assert html.count("across sites, near, correlation 0.98") == 2 * 3  # two frames; button, picture and caption each
