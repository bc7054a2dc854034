"""The acceptance at a site that was left out finds what the study has found there, and knows the sites that train."""

import json

import pandas as pd
import pytest

from tests.pipeline.repository import Repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
MODEL = "artifacts/train/mcdrl/A/0"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    made = Repository(tmp_path_factory.mktemp("accept") / "study")
    made.dvc("repro", "evaluate@mcdrl-A-0")
    return made


def test_the_figures_are_those_of_the_study(repository):
    repository.mcdrl("accept", "data/phantom/A", "--card", "phantom", "--model", MODEL, "--out", "found")
    found = pd.read_csv(repository.folder / "found" / "cases.csv").set_index("frame")
    study = pd.read_parquet(repository.folder / "artifacts/evaluate/parts/mcdrl/A/0/cases.parquet")
    study = study.set_index("images/" + study["case_id"].str.removeprefix("A/") + ".png").loc[found.index]
    for name in ("tp", "fp", "fn", "tn"):
        assert (found[name] - study[name]).abs().max() <= 2  # features are rounded before they are stored
    for name in ("dice", "iou", "nsd"):
        assert found[name].to_numpy() == pytest.approx(study[name].to_numpy(), abs=1e-3, nan_ok=True)
    told = json.loads((repository.folder / "found" / "acceptance.json").read_text(encoding="utf-8"))
    assert told["training_frames_known"]
    assert len(told["shift"]) == 11


def test_a_site_that_it_was_trained_on_is_refused(repository):
    with pytest.raises(AssertionError, match=r"ended with 2(.|\n)*has learned from every frame of data/phantom/B \(12"):
        repository.mcdrl("accept", "data/phantom/B", "--card", "phantom", "--model", MODEL, "--out", "refused")


def test_packed_it_knows_the_same(repository):
    repository.mcdrl("pack", MODEL, "--out", "packed")
    repository.mcdrl("accept", "data/phantom/A", "--card", "phantom", "--model", "packed", "--out", "again")
    one, two = (
        json.loads((repository.folder / name / "acceptance.json").read_text(encoding="utf-8"))
        for name in ("found", "again")
    )
    assert one == two
