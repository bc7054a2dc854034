"""Results by lesion class."""

import numpy as np
import pandas as pd
import pytest

from stages.report.topics.lesions import failures, lesion_chart, lesions_html, lesions_table, worst_class
from tests.stages.report.rows import DRAWS, at, frame, table


def test_lesion_classes_pool_the_sites():
    rows = table(
        frame("m", "A", 1, 0.2, kind="cyst"),
        frame("m", "B", 1, 0.4, kind="cyst"),
        frame("m", "B", 2, 0.9),
        frame("m", "B", 3, 0, lesion=False),
    )
    found = lesions_table(rows, DRAWS)
    assert found["lesion_class"].tolist() == ["cyst", "polyp"]
    assert at(found, lesion_class="cyst")["dice"] == pytest.approx(0.3)
    assert at(found, lesion_class="cyst")["n_groups"] == 2


def test_the_worst_class_is_named_where_there_are_several():
    rows = pd.DataFrame({"method": "m", "lesion_class": ["polyp", "cyst"], "dice": [0.8, 0.6], "n_frames": [50, 30]})
    assert worst_class(rows, "m") == "Of the lesion classes, cyst has the lowest: 0.600, n 30."
    assert worst_class(rows.iloc[:1], "m") == ""


def test_failures_are_counted_over_frames_with_a_lesion():
    rows = pd.DataFrame({"method": "m", "dice": [0.0, 0.4, 0.9, np.nan]})
    assert failures(rows, "m") == "2 of 3 frames with a lesion stay below a Dice of 0.5, 1 of these at zero."
    assert failures(rows, "other") == ""


def test_without_lesions_there_is_no_chart():
    rows = lesions_table(table(frame("m", "A", 1, 0, lesion=False)), DRAWS)
    assert lesion_chart(rows, ["m"]) is None


def test_a_class_that_is_never_found_has_wilsons_interval():
    found = lesions_table(table(*[frame("m", "A", k, 0.0) for k in range(6)]), DRAWS)
    high = at(found, lesion_class="polyp")["dice_high"]
    assert high == pytest.approx(1.959964**2 / (6 + 1.959964**2), abs=1e-6)
    alike = lesions_table(table(*[frame("m", "A", k, 0.5) for k in range(6)]), DRAWS)
    assert lesions_html(alike).rows[0][6] == "none: no spread"
