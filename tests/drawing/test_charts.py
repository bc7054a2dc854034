import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from mcdrl.drawing.charts import Dot, Scale, axis_row, interval_mark, matrix, ridges, scale, strip
from mcdrl.drawing.plots import lines

UNIT = Scale(0.0, 1.0, (0.0, 0.5, 1.0))


def test_marks_lie_where_their_values_are():
    svg = ET.fromstring(strip([Dot(0.25, 0.1, 0.4, 0, "a"), Dot(0.75, np.nan, np.nan, 1, "b", hollow=True)], UNIT))
    assert [dot.get("cx") for dot in svg.iter("circle")] == ["25.0%", "75.0%"]
    whiskers = [line for line in svg.iter("line") if line.get("class") == "whisker"]
    assert [(line.get("x1"), line.get("x2")) for line in whiskers] == [("10.0%", "40.0%")]
    assert [dot.get("class") for dot in svg.iter("circle")] == [None, "hollow"]


def test_undefined_values_are_written_out():
    svg = strip([Dot(np.nan, np.nan, np.nan, 0, "a")], UNIT)
    assert "undefined" in svg
    assert "circle" not in svg


def test_labels_are_escaped():
    assert "<b>" not in strip([Dot(0.5, 0.4, 0.6, 0, "<b>")], UNIT)
    assert "<b>" not in matrix(np.eye(1), ["<b>"], "<b>")
    assert r"a\u202eb" in strip([Dot(0.5, 0.4, 0.6, 0, "a\u202eb")], UNIT)


@pytest.mark.parametrize("values", [[0.61, 0.72], [0.0, 1.0], [0.5], [], [np.nan, 0.3], [-0.02, 0.11]])
def test_axes_hold_their_values_and_have_a_few_round_ticks(values):
    axis = scale(values)
    finite = [v for v in values if np.isfinite(v)]
    assert all(axis.low <= v <= axis.high for v in finite)
    assert 3 <= len(axis.ticks) <= 9
    assert len(axis_row(axis)) > 0
    steps = np.diff(axis.ticks)
    np.testing.assert_allclose(steps, steps[0], atol=1e-6)


def test_fixed_ends_are_never_crossed():
    axis = scale([0.98, 1.0], fixed=(0.0, 1.0))
    assert axis.high == 1.0


def test_lines_skip_what_is_not_finite():
    svg = ET.fromstring(lines({"a": (0, [(0, 0.1), (1, np.nan), (2, 0.3)]), "b": (1, [])}, "epoch"))
    first, second = (line.get("points") for line in svg.iter("polyline"))
    assert len(first.split()) == 2
    assert second == ""


def test_lines_rise_upwards_inside_the_box():
    svg = ET.fromstring(lines({"a": (0, [(0, 0.0), (5, 1.0)])}, "epoch"))
    (x0, y0), (x1, y1) = (map(float, p.split(",")) for p in next(svg.iter("polyline")).get("points").split())
    assert x0 < x1
    assert y0 > y1
    assert 0 <= y1 < y0 <= 190


def test_matrix_shows_every_cell():
    svg = matrix(np.array([[1.0, 0.25], [0.25, 1.0]]), ["one", "two"], "how alike")
    assert re.findall(r"number[^>]*>([^<]+)<", svg) == ["1", ".25", ".25", "1"]
    assert len(re.findall("<rect", svg)) == 4
    assert 'aria-label="how alike"' in svg


def points(svg):
    return [tuple(float(x) for x in pair.split(",")) for pair in re.search(r'points="([^"]+)"', svg)[1].split()]


def test_a_curve_peaks_at_its_values_and_the_median_stands_there():
    svg = ridges({"one": np.array([0.0, 0.5, 0.5, 0.5, 1.0])}, "t", fixed=(0, 1))
    x, y = min(points(svg), key=lambda point: point[1])
    left, right = points(svg)[0][0], points(svg)[-1][0]
    assert x == pytest.approx((left + right) / 2, abs=(right - left) / 32)
    assert y == 12  # 26 px above its base line at 38
    assert float(re.search(r'class="median" x1="([\d.]+)"', svg)[1]) == pytest.approx((left + right) / 2, abs=0.01)


def test_heights_are_in_proportion_to_the_counts():
    values = np.array([0.0] * 10 + [1.0] * 5)
    heights = [38 - y for _, y in points(ridges({"one": values}, "t", fixed=(0, 1)))[1:-1]]
    assert (heights[0], heights[-1]) == (26, 13)
    assert set(heights[1:-1]) == {0}


def test_odd_names_and_no_values_are_drawn():
    svg = ridges({"<a very long site name>": np.array([1.0]), "b": np.zeros(0)}, "a & b")
    assert "&lt;a very long si…" in svg
    assert "no value" in svg
    assert 'aria-label="a &amp; b; medians: &lt;a very long site name&gt; 1"' in svg


def test_a_dot_says_its_interval_or_why_there_is_none():
    assert interval_mark("m", 0.5, (0.4, 0.6), 9, 1).label == "m: 0.500 (0.400 to 0.600)"
    assert interval_mark("m", 0.5, (np.nan, np.nan), 4, 1).label == "m: 0.500 (none: 4 groups)"
    assert interval_mark("m", 0.5, (np.nan, np.nan), 9, 1).label == "m: 0.500"
