"""Site profiles: medians, and curves that are where the values are."""

import re

import numpy as np
import pytest

from mcdrl.drawing.charts import ridges
from stages.report.inputs import read_inputs
from stages.report.profiles import profile_panels, profile_sheet
from tests.stages.report.fake_study import build, study_of


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    study = study_of()
    return read_inputs(study, build(tmp_path_factory.mktemp("profiles") / "artifacts", study))


def test_medians_and_counts_of_a_site(inputs):
    sheet = profile_sheet(inputs.profile, inputs.cases, ["B", "A"])
    row = dict(zip(sheet.headings, sheet.rows[1], strict=True))
    own, cases = inputs.profile[inputs.profile["site"] == "A"], inputs.cases[inputs.cases["site"] == "A"]
    assert [one[0] for one in sheet.rows] == ["B", "A"]
    assert (row["frames"], row["without lesion"], row["groups"]) == ("12", "3", "4")
    assert row["classes"] == "polyp 3, tumor 6"
    assert row["native size, px"] == "32 × 32"
    assert row["brightness"] == f"{own['brightness'].median():.2f}"
    lesions = cases.loc[cases["lesion_area_px"] > 0, "lesion_area_px"] / 32**2
    assert row["lesion, %"] == f"{100 * lesions.median():.1f}"


def test_a_site_without_values_has_dashes_and_an_empty_row(inputs):
    profile = inputs.profile.assign(brightness=np.float32("nan"))
    sheet = profile_sheet(profile, inputs.cases, ["A"])
    row = dict(zip(sheet.headings, sheet.rows[0], strict=True))
    assert row["brightness"] == "–"
    panel = next(one for one in profile_panels(profile, ["A"]) if one.title == "brightness")
    assert "no value" in panel.svg


def test_every_quantity_has_a_panel_with_all_sites(inputs):
    panels = profile_panels(inputs.profile, ["A", "B"])
    assert len({panel.title for panel in panels}) == len(panels) == 12
    assert all(panel.svg.count("<polygon") == 2 for panel in panels)


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
