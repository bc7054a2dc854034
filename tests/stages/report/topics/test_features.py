import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.scores import POOLED_FRAMES
from stages.report.topics.features import clouds, map_panels, maps, neighbour_html, own_kind, random_dictionaries


def pooled(cells, n=12, width=6):
    rng = np.random.default_rng(0)
    rows = [
        {"method": "mcdrl", "held_out": held_out, "seed": 0, "case_id": f"{site}/{k:03d}",
         "before": (rng.normal(size=width) + 9 * (site == "A")).astype(np.float32),
         "after": rng.normal(size=width).astype(np.float32)}
        for held_out, seen in cells for site in seen for k in range(n)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def cases(n=12):
    ids = [f"{site}/{k:03d}" for site in "AB" for k in range(n)]
    return pd.DataFrame(
        {"case_id": ids, "site": [one[0] for one in ids], "lesion_class": ["polyp", None] * (len(ids) // 2)}
    )


def test_one_network_is_taken_where_it_has_looked_at_several_sites():
    (cloud,) = clouds(pooled([("A", "AB"), ("B", "AB")]), cases(), 0)
    assert cloud.one_network
    assert "has not seen A" in cloud.title
    assert (len(cloud.before), sorted(set(cloud.sites)), sorted(set(cloud.classes))) == (
        24,
        ["A", "B"],
        ["no lesion", "polyp"],
    )


def test_networks_of_one_site_each_are_put_together_and_said_so():
    (cloud,) = clouds(pooled([("A", "A"), ("B", "B")]), cases(), 0)
    assert not cloud.one_network
    assert len(cloud.before) == 24


def test_features_and_names_belong_together():
    (cloud,) = clouds(pooled([("A", "AB")]), cases(), 0)
    far = cloud.before.mean(axis=1) > 4
    assert far.tolist() == [site == "A" for site in cloud.sites]


def test_a_draw_is_at_most_so_large_and_the_same_each_time():
    rows, known = pooled([("A", "AB")], n=400), cases(400)
    (first,), (second,) = clouds(rows, known, 0), clouds(rows.iloc[::-1], known, 0)
    assert len(first.before) == POOLED_FRAMES
    assert (first.before == second.before).all()


def test_maps_are_equal_each_time_and_keep_groups_apart():
    (cloud,) = clouds(pooled([("A", "AB")]), cases(), 0)
    first, second = maps(cloud, 0), maps(cloud, 0)
    assert all((first[side] == second[side]).all() for side in ("before", "after"))
    at = np.array(cloud.sites) == "A"
    apart = np.linalg.norm(first["before"][at].mean(axis=0) - first["before"][~at].mean(axis=0))
    assert apart > 2 * first["before"][at].std()
    assert [panel.title for panel in map_panels(cloud, first)] == [
        "before, by site", "after, by site", "before, by lesion class", "after, by lesion class",
    ]  # fmt: skip


def test_too_few_frames_for_a_map_are_laid_in_a_row():
    (cloud,) = clouds(pooled([("A", "A")], n=3), cases(), 0)
    assert maps(cloud, 0)["after"][:, 0].tolist() == [0, 1, 2]


def test_neighbours_of_the_own_kind():
    rows = np.repeat(np.eye(2), 11, axis=0)
    assert own_kind(rows, ["a"] * 11 + ["b"] * 11) == 1.0
    assert own_kind(np.ones((4, 2)), ["a", "a", "b", "b"]) == pytest.approx(1 / 3)


def test_a_frame_without_others_has_no_neighbours():
    (cloud,) = clouds(pooled([("A", "A")], n=1), cases(), 0)
    assert neighbour_html([cloud]).rows[0][3:5] == ["–", "–"]


def test_the_chance_level_is_that_of_a_random_neighbour():
    (cloud,) = clouds(pooled([("A", "AB")]), cases(), 0)
    row = neighbour_html([cloud]).rows[0]
    assert (row[1], row[2], row[5]) == ("site", "24", f"{11 / 23:.3f}")
    assert float(row[3]) > 0.7  # before, site A lies apart


def test_methods_with_a_random_dictionary_are_known_by_their_variant():
    raw = {"variants": {"x": {"params": {"dictionary": "random"}}, "y": {"params": {"dictionary": "text"}}, "z": {}}}
    assert random_dictionaries(["mcdrl", "x", "y", "z"], raw) == ["x"]
    assert random_dictionaries(["x"], {}) == random_dictionaries(["x"], {"variants": None}) == []
