"""Frames accepted and refused."""

from stages.report.inputs import read_inputs
from stages.report.topics.data import quarantine_html


def test_every_site_has_a_row_and_a_kind_of_refusal_its_first_file(small):
    table = quarantine_html(read_inputs(small.study, small.artifacts))
    assert table.rows == [["A", "12", "4", "0", "–", "–"], ["B", "12", "4", "2", "no mask", "b.jpg"]]
