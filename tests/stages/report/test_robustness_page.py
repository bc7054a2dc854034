import pandas as pd
import pytest

from mcdrl.artifacts.stress import STRESS
from stages.report.robustness import drop_chart, stress_csv, stress_panels, stress_sheet, stress_tables
from stages.report.tables import Draws
from tests.stages.report.fake_study import NAMES


@pytest.fixture(scope="module")
def tables(small):
    """Of single frames, as a site of fewer than five groups has no interval."""
    rows = STRESS.read(small.artifacts / "stress" / "cases.parquet")
    return stress_tables(rows.assign(group_id=rows["case_id"]), Draws(100, 0), "baseline")


def test_a_panel_a_confounder_with_a_curve_a_method(tables):
    panels = stress_panels(tables[0], ["baseline", "mcdrl"])
    assert [panel.title for panel in panels] == NAMES
    assert all(panel.svg.count("<polyline") == panel.svg.count('class="band"') == 2 for panel in panels)


def test_the_drop_over_all_confounders_comes_first(tables):
    chart = drop_chart(tables[1], ["baseline", "mcdrl"])
    assert [row.label for row in chart.rows] == ["all confounders", *NAMES]
    assert chart.rows[0].strip.count("<circle") == 2


def test_the_csv_has_every_point_and_the_sums(tables):
    rows = stress_csv(*tables)
    assert len(rows) == 2 * len(NAMES) * 4 + 2
    one = rows[(rows["method"] == "mcdrl") & (rows["confounder"] == "blood")]
    assert one["strength"].tolist() == [0.0, 0.25, 0.5, 1.0]
    assert one["auc"].nunique() == 1
    assert one["dice"].iloc[0] == pytest.approx(one["dice_untouched"].iloc[0])


def test_differences_are_written_for_rivals_alone(tables):
    sheet = stress_sheet(tables[1])
    by_method = {row[0]: row for row in sheet.rows}
    assert by_method["baseline"][7:] == ["–", "", "", "–"]
    assert by_method["mcdrl"][7].startswith("-")
    assert by_method["mcdrl"][9] == "one training each"
    sure = stress_sheet(tables[1].assign(drop_difference_sure=tables[1]["drop_difference"].notna()))
    assert [row[10].endswith(", sure") for row in sure.rows] == [row[0] == "mcdrl" for row in sure.rows]
    assert not any(", sure" in row[10] for row in sheet.rows)


def test_no_stress_no_tables():
    points, figures = stress_tables(STRESS.schema.empty_table().to_pandas(), Draws(100, 0), "baseline")
    assert points.empty
    assert stress_csv(points, figures).empty
    assert isinstance(figures, pd.DataFrame)
