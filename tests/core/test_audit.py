"""Frames that two sites share."""

import pandas as pd

from stages.core.audit import shared_frames


def cases(*rows):
    return pd.DataFrame(rows, columns=["case_id", "site", "sha256"])


def test_only_copies_at_another_site_are_listed():
    table = cases(
        ("A/1", "A", "x"), ("A/2", "A", "y"), ("A/3", "A", "y"), ("B/1", "B", "z"), ("C/9", "C", "x"), ("B/2", "B", "x")
    )  # fmt: skip
    assert shared_frames(table).values.tolist() == [["x", "A", "A/1"], ["x", "B", "B/2"], ["x", "C", "C/9"]]


def test_sites_without_common_frames():
    shared = shared_frames(cases(("A/1", "A", "x"), ("B/1", "B", "y")))
    assert shared.empty
    assert shared.columns.tolist() == ["sha256", "site", "case_id"]


def test_no_frames_at_all():
    assert shared_frames(cases()).empty
