"""False alarms on frames without a lesion."""

import pandas as pd
import pytest

from stages.report.topics.negatives import false_alarms, negatives_table
from tests.stages.report.rows import DRAWS, at, frame, table


def test_negatives_count_frames_and_area():
    rows = table(
        frame("m", "A", 1, 0, lesion=False, fp=10),
        frame("m", "A", 2, 0, lesion=False),
        frame("m", "A", 3, 0.5, fp=90),
        frame("m", "B", 1, 0, lesion=False),
    )
    found = negatives_table(rows, DRAWS)
    a, both = at(found, held_out="A"), at(found, held_out="all")
    assert (a["n_frames"], a["false_positive_rate"], a["area_share"]) == (2, 0.5, pytest.approx(0.05))
    assert (both["n_frames"], both["false_positive_rate"]) == (3, pytest.approx(1 / 3))


def test_without_negatives_the_table_is_empty_but_has_its_columns():
    found = negatives_table(table(frame("m", "A", 1, 0.5)), DRAWS)
    assert len(found) == 0
    assert "false_positive_rate" in found.columns


def test_false_alarms_are_a_share_of_the_frames_without_a_lesion():
    rows = pd.DataFrame([{"method": "m", "held_out": "all", "n_frames": 8, "false_positive_rate": 0.25}])
    assert false_alarms(rows, "m") == "It calls something lesion on 25 % of 8 frames without one."
    assert false_alarms(rows, "other") == (
        "No held-out frame is without a lesion, so false alarms could not be measured."
    )
