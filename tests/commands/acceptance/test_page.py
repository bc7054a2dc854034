"""The page: what it shows, and that no name of a file or folder gets out of its text."""

import re

import pytest

from mcdrl.commands.acceptance.page import promise_chart, render, shift_chart, shift_html
from tests.commands.acceptance.hospital import by_site, judged, write_frame

COLUMNS = [*[(16, 15 + number % 3) for number in range(12)], (4, 0), (0, 0)]
HIGH = by_site(0.9, 0.95, 0.97)


@pytest.fixture
def found(tmp_path):
    write_frame(tmp_path / "north", "<b>&amp;", 10, 10, 99)
    return judged(tmp_path, COLUMNS, HIGH, {}, {"N": (0.0, 0.5), "S": (0.1, 0.9)})


def test_every_section_is_there_and_nothing_is_loaded(found):
    html = render(found)
    assert re.findall(r'<section id="(\w+)"', html) == ["answer", "promise", "trust", "shift", "frames", "data"]
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert "north: as promised</h1>" in html
    assert "images/<b>" not in html
    assert "images/&lt;b&gt;&amp;amp;.png" in html


def test_marks_that_turn_text_round_and_ends_of_lines_are_escapes(tmp_path):
    write_frame(tmp_path / "north", "0gnp\u202efdp\nx", 10, 10, 99)
    html = render(judged(tmp_path, COLUMNS, by_site(0.9, 0.95, 0.97)))
    assert "\u202e" not in html
    assert r"images/0gnp\u202efdp\nx.png" in html


def test_the_chart_has_each_site_the_range_and_what_was_found(found):
    rows = promise_chart(found).rows
    assert [row.label for row in rows] == ["S0", "S1", "S2", "expected at a new site", "found at north"]
    assert "found at north: 0.98" in rows[-1].strip


def test_looks_are_drawn_where_they_count_and_listed_all(found):
    titles = [row.label for row in shift_chart(found.shifts).rows]
    assert len(titles) == 10
    assert "height of the frame, px" not in titles
    rows = {row[0]: row[-1] for row in shift_html(found.shifts).rows}
    assert len(rows) == 11
    assert rows["height of the frame, px"] == "doesn't count"
    assert rows["brightness"] in ("inside", "at the edge", "outside")


def test_how_the_folder_was_read_is_on_the_page(tmp_path):
    html = render(judged(tmp_path, COLUMNS, card="folder", settings={"mask_threshold": 90}))
    assert "<td>mask_threshold</td><td>90</td>" in html
    assert "<td>view</td><td>full</td>" in html


def test_masks_that_may_be_the_background_are_told_above_all_sections(tmp_path):
    html = render(judged(tmp_path, [(4, 25 + number % 3) for number in range(12)], HIGH))
    assert "12 of 12 masks; if they show the background, invert them" in html.partition("<section")[0]


def test_what_is_missing_leaves_its_place(tmp_path):
    html = render(judged(tmp_path / "bare", COLUMNS))
    assert "There is no promise of Dice at new sites" in html
    assert "Unknown: the model&#39;s folder" in html
    html = render(judged(tmp_path / "alone", [(bright, None) for bright, _ in COLUMNS], HIGH))
    assert "The least confident" in html
    assert "no mask</small>" in html
    assert "<h3>The worst by Dice</h3>" not in html


def test_frames_that_are_not_judged_are_told(tmp_path):
    write_frame(tmp_path / "north", "z", 10, None, 99)
    html = render(judged(tmp_path, COLUMNS))
    assert "why they aren" in html
    assert "no mask" in html
