"""Site profiles: medians and counts."""

import numpy as np
import pytest

from stages.report.inputs import read_inputs
from stages.report.topics.profiles import profile_html, profile_panels


@pytest.fixture(scope="module")
def inputs(small):
    return read_inputs(small.study, small.artifacts)


def test_medians_and_counts_of_a_site(inputs):
    table = profile_html(inputs.profile, inputs.cases, ["B", "A"])
    row = dict(zip(table.headings, table.rows[1], strict=True))
    own, cases = inputs.profile[inputs.profile["site"] == "A"], inputs.cases[inputs.cases["site"] == "A"]
    assert [one[0] for one in table.rows] == ["B", "A"]
    assert (row["frames"], row["without lesion"], row["groups"]) == ("12", "3", "4")
    assert row["classes"] == "polyp 3, tumor 6"
    assert row["native size, px"] == "32 × 32"
    assert row["brightness"] == f"{own['brightness'].median():.2f}"
    lesions = cases.loc[cases["lesion_area_px"] > 0, "lesion_area_px"] / 32**2
    assert row["lesion, %"] == f"{100 * lesions.median():.1f}"


def test_a_site_without_values_has_dashes_and_an_empty_row(inputs):
    profile = inputs.profile.assign(brightness=np.float32("nan"))
    table = profile_html(profile, inputs.cases, ["A"])
    row = dict(zip(table.headings, table.rows[0], strict=True))
    assert row["brightness"] == "–"
    panel = next(one for one in profile_panels(profile, ["A"]) if one.title == "brightness")
    assert "no value" in panel.svg


def test_every_quantity_has_a_panel_with_all_sites(inputs):
    panels = profile_panels(inputs.profile, ["A", "B"])
    assert len({panel.title for panel in panels}) == len(panels) == 12
    assert all(panel.svg.count("<polygon") == 2 for panel in panels)
