"""Frames that two sites share, and what follows from them."""

import pandas as pd

from mcdrl.study.leaks import containment, crossing, shared_frames


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


def pairs(*rows):
    names = ["case_a", "case_b", "site_a", "site_b", "across"]
    return pd.DataFrame(
        [(a, b, a[0], b[0], "across_sites" if a[0] != b[0] else "across_groups") for a, b in rows], columns=names
    )


def test_pairs_that_cross_the_held_out_border():
    table = pairs(("A/1", "A/2"), ("A/1", "B/1"), ("B/1", "C/1"), ("B/2", "A/3"))
    assert crossing(table, "A").index.tolist() == [1, 3]
    assert crossing(table, "C").index.tolist() == [2]
    assert crossing(table, "D").empty
    assert crossing(pairs(), "A").empty


def test_how_much_of_a_site_is_at_another():
    table = pairs(("A/1", "B/1"), ("A/1", "B/2"), ("A/2", "B/2"), ("A/3", "A/4"), ("B/1", "C/1"))
    frames = cases(*[(f"{site}/{k}", site, "") for site, count in (("A", 4), ("B", 8), ("C", 1)) for k in range(count)])
    assert containment(table, frames).values.tolist() == [
        ["C", "B", 1, 1, 1.0], ["A", "B", 2, 4, 0.5], ["B", "A", 2, 8, 0.25], ["B", "C", 1, 8, 0.125]
    ]  # fmt: skip


def test_sites_apart_contain_nothing_of_each_other():
    table = containment(pairs(("A/1", "A/2")), cases(("A/1", "A", ""), ("A/2", "A", "")))
    assert table.empty
    assert table.columns.tolist() == ["site", "other", "shared", "frames", "share"]
