"""Parts to tables, by the names in params.yaml."""

import subprocess
import sys

import pandas as pd
import pytest

from mcdrl.artifacts.regions import QUALITY
from mcdrl.artifacts.scores import SCORES, TRUST
from mcdrl.base.errors import InputError
from stages.collect.parts import COLLECTIONS, collect
from tests.projects import make_study

QUALITIES, CASES = COLLECTIONS["mine_regions"]["quality"], COLLECTIONS["evaluate"]["cases"]
STUDY = make_study("BA", held_out=["B"], methods=["mcdrl", "baseline"], seeds=[10, 2])


def quality(site, recall=0.5):
    floats = {"alpha": 0.25, "recall": recall, "recall_random": 0.25, "auroc": recall, "auroc_inverted": recall}
    rows = pd.DataFrame([{"site": site, **floats, "n_frames": 3}])
    return rows.astype(dict.fromkeys(floats, "float64"))


def scores(method, held_out, seed, cases=("B/2", "B/1"), dice=0.5):
    rows = [
        {
            "method": method, "held_out": held_out, "seed": seed, "case_id": case, "group_id": "g",
            "lesion_class": None if dice is None else "polyp", "tp": 1, "fp": 2, "fn": 3, "tn": 4, "dice": dice,
            "iou": dice, "accuracy": 0.5, "nsd": dice, "hd95_px": None, "leaked_frames": 0,
        }
        for case in cases
    ]  # fmt: skip
    nullable = dict.fromkeys(["dice", "iou", "nsd", "hd95_px"], "float64")
    return pd.DataFrame(rows).astype(nullable)


def trust(method, held_out, seed):
    row = {"method": method, "held_out": held_out, "seed": seed, "case_id": "B/1", "confidence": 0.5, "flagged": True}
    row["leaked_frames"] = 0
    return pd.DataFrame([row])


@pytest.fixture
def parts(tmp_path):
    for site in STUDY.sites:
        QUALITY.write(quality(site, None if site == "A" else 0.5), tmp_path / f"{site}.parquet")
    for method in STUDY.methods:
        for seed in STUDY.seeds:
            dice = None if seed == 2 else 0.25
            folder = tmp_path / method / "B" / str(seed)
            SCORES.write(scores(method, "B", seed, dice=dice), folder / "cases.parquet")
            TRUST.write(trust(method, "B", seed), folder / "trust.parquet")
    return tmp_path


def test_quality_of_all_sites(parts):
    table = collect(QUALITIES, STUDY, parts)
    assert table["site"].tolist() == ["A", "B"]
    assert table["recall"].isna().tolist() == [True, False]


def test_scores_are_sorted_by_their_key(parts):
    table = collect(CASES, STUDY, parts)
    assert table[["method", "seed", "case_id"]].values.tolist() == [
        [method, seed, case] for method in ("baseline", "mcdrl") for seed in (2, 10) for case in ("B/1", "B/2")
    ]
    assert table["dice"].isna().tolist() == [True, True, False, False] * 2


@pytest.mark.parametrize("collection", [QUALITIES, CASES, COLLECTIONS["evaluate"]["trust"]])
def test_the_whole_keeps_the_contract_of_its_parts(parts, collection):
    table = collect(collection, STUDY, parts)
    collection.table.write(table, parts / "whole.parquet")
    assert collection.table.read(parts / "whole.parquet").equals(table)


def test_parts_of_earlier_runs_are_left_alone(parts):
    QUALITY.write(quality("Z"), parts / "Z.parquet")
    SCORES.write(scores("old", "B", 10), parts / "old" / "B" / "10" / "cases.parquet")
    assert set(collect(QUALITIES, STUDY, parts)["site"]) == {"A", "B"}
    assert set(collect(CASES, STUDY, parts)["method"]) == {"baseline", "mcdrl"}


def test_a_missing_part_is_named(parts):
    (parts / "mcdrl" / "B" / "2" / "cases.parquet").unlink()
    with pytest.raises(InputError, match=r"mcdrl/B/2/cases\.parquet does not exist"):
        collect(CASES, STUDY, parts)


def test_a_part_under_another_s_name_is_refused(parts):
    two, ten = (parts / "mcdrl" / "B" / seed / "cases.parquet" for seed in ("2", "10"))
    two.write_bytes(ten.read_bytes())
    with pytest.raises(InputError, match=r"mcdrl/B/2/cases\.parquet holds rows of seed '10'"):
        collect(CASES, STUDY, parts)


def test_a_part_of_another_kind_is_refused(parts):
    SCORES.write(scores("mcdrl", "B", 2), parts / "A.parquet")
    with pytest.raises(InputError, match=r"A\.parquet has schema 'scores/3', expected 'quality/1'"):
        collect(QUALITIES, STUDY, parts)


def test_an_unknown_table_ends_with_code_2(tmp_path):
    command = [sys.executable, "-m", "stages.collect", "mine_region", "--parts", "x", "--out", str(tmp_path / "t")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "did you mean 'mine_regions'?" in done.stderr
    assert "Traceback" not in done.stderr
