"""Rows of what is found, and of what the operating point leaves."""

import numpy as np
import pytest

from mcdrl.artifacts.scores import ALARMS, FINDINGS
from mcdrl.metrics.detection import Match
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.detections import Detections
from mcdrl.study.paths import Cell
from stages.evaluate.cell import named

CELL = Cell("baseline", "A", 0)


def two_frames(point):
    """One with lesions of 100 and 80 px, the first found twice, and one false positive; one with nothing but that."""
    first = Match(
        np.array([[0.5, 0], [0.2, 0], [0.05, 0]]),
        np.array([60, 20, 10]),
        np.array([0.7, 0.9, 0.6]),
        np.array([100, 80]),
    )
    second = Match(np.zeros((1, 0)), np.array([30]), np.array([0.8]), np.zeros(0, np.int64))
    found = Detections(point)
    found.add(["A/1", "A/2"], [first, second], [1000, 500], np.array([0.9, 0.4]))
    return found


def test_a_row_a_lesion_and_a_false_positive():
    rows = two_frames(OperatingPoint()).findings()
    assert rows.fillna(-1).to_numpy().tolist() == [
        ["A/1", "lesion", 0, 0.1, 0.9, 0.5, True],
        ["A/1", "lesion", 1, 0.08, -1, 0.0, False],
        ["A/1", "false", 0, 0.01, 0.6, 0.05, True],
        ["A/2", "false", 0, 0.06, 0.8, 0.0, True],
    ]


@pytest.mark.parametrize(
    ("point", "kept", "alarms"),
    [
        (OperatingPoint(), [True, False, True, True], [(True, 90), (True, 30)]),
        (OperatingPoint(0.5, 0.0), [True, False, True, False], [(True, 90), (False, 0)]),
        (OperatingPoint(0.0, 0.05), [True, False, False, True], [(True, 60), (True, 30)]),
        (OperatingPoint(0.0, 0.061), [False, False, False, False], [(False, 0), (False, 0)]),
        (OperatingPoint(0.95, 0.0), [False, False, False, False], [(False, 0), (False, 0)]),
    ],
)
def test_what_the_operating_point_leaves(point, kept, alarms):
    found = two_frames(point)
    assert found.findings()["kept"].tolist() == kept
    assert list(found.alarms()[["alarm", "kept_px"]].itertuples(index=False, name=None)) == alarms
    assert found.alarms()["frame_score"].tolist() == [0.9, 0.4]


def test_the_contracts_are_kept_without_rows_too(tmp_path):
    none = Detections(OperatingPoint())
    for found in (two_frames(OperatingPoint()), none):
        for table, rows in ((FINDINGS, found.findings()), (ALARMS, found.alarms())):
            table.write(named(CELL, rows, 0), tmp_path / "t.parquet")
            assert len(table.read(tmp_path / "t.parquet")) == len(rows)
