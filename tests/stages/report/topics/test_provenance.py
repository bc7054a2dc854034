import hashlib

from stages.report.inputs import read_inputs
from stages.report.topics.provenance import hashes_html, parameters, topic, versions
from tests.stages.report.fake_study import RAW, results_of


def test_folders_of_the_user_are_not_shown():
    text = parameters({**RAW, "train": {"lr": 0.005}})
    assert "somebody" not in text
    assert "root: …/A" in text
    assert "lr: 0.005" in text
    assert "data/phantom/B" in parameters({"sites": {"B": {"root": "data/phantom/B", "card": "phantom"}}})


def test_weights_of_the_user_are_shown_by_their_last_name():
    given = {
        "a": "/home/somebody/x.pt@sha256:00",
        "b": "local-dir:/home/somebody/clip",
        "c": None,
        "d": "none",
        "e": "w/y.pt",
        "f": "/home/somebody@clinic/z.pt",
        "g": "~/somebody/v.pt",
    }
    text = parameters({"weights": given})
    assert "somebody" not in text
    for shown in (
        "a: …/x.pt@sha256:00",
        "b: local-dir:…/clip",
        "c: null",
        "d: none",
        "e: w/y.pt",
        "f: …/z.pt",
        "g: …/v.pt",
    ):
        assert shown in text


def test_versions_name_python_and_torch():
    found = dict(versions())
    assert found["Python"].startswith("3.")
    assert found["torch"][0].isdigit()


def test_hashes_are_those_of_the_files_and_missing_ones_are_left_out(small):
    rows = dict(hashes_html(read_inputs(small.study, small.artifacts), small.artifacts).rows)
    path = "evaluate/cases.parquet"
    assert rows[f"artifacts/{path}"] == hashlib.sha256((small.artifacts / path).read_bytes()).hexdigest()[:12]
    assert not any("safetensors" in name for name in rows)


def test_parameters_keep_their_lines_and_hide_nothing(small):
    found = results_of(small.study, small.artifacts, raw={"a": "<b>\u202e", "c": {"d": 1}})
    assert str(topic(found).values["parameters"]) == r"a: &lt;b&gt;\u202e" + "\nc:\n  d: 1\nsites: {}\nweights: {}\n"
