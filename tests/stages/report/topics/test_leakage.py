"""The leak audit on the page."""

import pytest

from stages.report.inputs import read_inputs
from stages.report.topics.leakage import containment_html, first_pairs, pair_shots, pairs_html


@pytest.fixture(scope="module")
def inputs(leaking):
    return read_inputs(leaking.study, leaking.artifacts)


def test_counts_and_containment(inputs):
    assert pairs_html(inputs.pairs).rows == [
        ["across sites", "1", "1", "1", "2"], ["across groups of a site", "0", "1", "0", "0"],
        ["inside a group", "0", "0", "0", "0"],
        ["across training and validation, which does without", "0", "0", "0", "0"],
    ]  # fmt: skip
    rows = containment_html(inputs.pairs, inputs.cases).rows
    assert rows == [["B", "A", "2", "12", "16.7 %"], ["A", "B", "1", "12", "8.3 %"]]


def test_pairs_across_sites_are_shown_first(inputs, leaking):
    pairs = inputs.pairs.iloc[::-1]
    assert first_pairs(pairs, 1)["case_b"].tolist() == ["B/004", "A/006"]
    shots = pair_shots(pairs, leaking.artifacts)
    assert [shot.title for shot in shots] == ["A/001", "B/004", "A/001", "B/003", "A/005", "A/006"]
    assert [shot.note for shot in shots[:2]] == [
        "across sites, near, correlation 0.98, the second by flip_left_right of Pillow"
    ] * 2
