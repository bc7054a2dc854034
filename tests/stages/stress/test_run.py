"""The stage on small sites, with an ensemble whose answer is the frame's brightness."""

import numpy as np
import pandas as pd
import pytest
from typer import Typer
from typer.testing import CliRunner

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.frames import FRAMES
from mcdrl.artifacts.stress import STRESS
from mcdrl.confounders.finished import FinishedFrame
from mcdrl.confounders.registry import UNTOUCHED, phrases
from stages.stress.__main__ import main
from stages.stress.run import pick, stress, untested
from tests import stub_sites
from tests.factories import section_params, write_frames
from tests.projects import make_study

SITES = ("A", "B")
WIDE, HIGH = round(stub_sites.SIDE / 0.55), round(stub_sites.SIDE / 0.85)  # of the fullest screen around a frame


class Brightness:
    """Two models: one calls brightness itself probability, one finds lesion nowhere."""

    leaked_frames = 3

    def __init__(self):
        self.seen = []

    def each(self, frames):
        self.seen.append(len(frames))
        bright = frames.mean(-1).astype(np.float32) / 255
        return np.stack([bright, np.zeros_like(bright)])


@pytest.fixture
def study(tmp_path):
    stub_sites.write_study(tmp_path, SITES)
    return make_study(
        SITES, held_out=list(SITES), lesion_classes=stub_sites.LESIONS, methods=["baseline", "mcdrl"], seeds=[7]
    )


@pytest.fixture
def loaded(monkeypatch):
    """The folders and devices that were asked for, and the ensemble."""
    ensemble, asked = Brightness(), []

    def load(models, backbone, device, further_px):
        asked.append(([str(model) for model in models], str(backbone), device, list(further_px)))
        return ensemble

    monkeypatch.setattr("mcdrl.model.ensemble.load_ensemble", load)
    return ensemble, asked


def run(study, tmp_path, **params):
    return stress(study, section_params("stress", **params), 0.5, tmp_path, "cpu")


def test_rows_are_every_model_confounder_strength_and_frame(study, loaded, tmp_path):
    found = run(study, tmp_path, frames=3, strengths=[1.0, 0.5])
    STRESS.write(found, tmp_path / "cases.parquet")
    assert len(found) == 2 * 2 * 3 * (1 + len(phrases()) * 2)
    assert set(found["confounder"]) == {UNTOUCHED, *phrases()}
    assert set(found.loc[found["confounder"] == UNTOUCHED, "strength"]) == {0.0}
    assert set(found["seed"]) == {7}
    assert set(found["leaked_frames"]) == {3}
    on_screen = found["confounder"].isin(["whole screen", "whole screen, cut to the view"])
    counted = found[["tp", "fp", "fn", "tn"]].sum(axis=1)
    assert (counted[~on_screen] == stub_sites.SIDE**2).all()
    assert (counted[on_screen] > stub_sites.SIDE**2).all()
    models = [f"{tmp_path}/train/{method}/B/7" for method in ("baseline", "mcdrl")]
    assert loaded[1][1] == (models, f"{tmp_path}/backbone", "cpu", [])


def test_counts_are_those_of_the_stressed_picture_and_its_mask(study, loaded, tmp_path):
    found = run(study, tmp_path, frames=2, strengths=[0.75]).set_index(["method", "confounder", "case_id"])
    case = found.index.get_level_values("case_id")[0]
    with FRAMES.read(tmp_path / "ingest" / "A" / "frames.h5") as reader:
        image, mask = (reader.rows(name, [case])[0] for name in ("image", "mask"))
    for confounder in ("near view", "bright lighting"):
        seen = FinishedFrame(image, mask > 0, case).under(confounder, 0.75)
        predicted = seen.image.mean(-1).astype(np.float32) / 255 >= 0.5
        row = found.loc[("baseline", confounder, case)]
        assert row["tp"] == (predicted & seen.mask).sum()
        assert row["fp"] == (predicted & ~seen.mask).sum()
        assert row["dice"] == pytest.approx(2 * row["tp"] / (predicted.sum() + seen.mask.sum()))
    assert found.loc[("mcdrl", "blood", case), "dice"] == 0


def test_every_picture_is_encoded_once_for_all_models(study, loaded, tmp_path):
    run(study, tmp_path, frames=2, strengths=[1.0], batch_size=8)
    pictures = 2 * (1 + len(phrases()))
    batches = [8] * (pictures // 8) + ([pictures % 8] if pictures % 8 else [])
    assert loaded[0].seen == batches * 2


def test_the_batch_size_changes_nothing(study, loaded, tmp_path):
    one, two = (run(study, tmp_path, frames=2, strengths=[0.5], batch_size=size) for size in (3, 64))
    pd.testing.assert_frame_equal(one, two)


def test_frames_without_a_lesion_are_left_out_and_null_takes_all_others(study, loaded, tmp_path):
    found = run(study, tmp_path, frames=None, strengths=[1.0])
    cases = CASES.read(tmp_path / "ingest" / "A" / "cases.parquet")
    with_lesion = cases.loc[cases["lesion_class"].notna(), "case_id"]
    assert sorted(set(found.loc[found["held_out"] == "A", "case_id"])) == sorted(with_lesion)
    assert 0 < len(with_lesion) < len(cases)


def test_sites_without_any_lesion_give_an_empty_table(study, loaded, tmp_path):
    for site in SITES:
        path = tmp_path / "ingest" / site / "cases.parquet"
        CASES.write(CASES.read(path).assign(lesion_class=None), path)
    STRESS.write(run(study, tmp_path), tmp_path / "cases.parquet")
    assert STRESS.read(tmp_path / "cases.parquet").empty


def test_a_further_frame_displaces_one_at_most():
    ids = [f"A/{k}" for k in range(30)]
    before = pick(ids, 8)
    assert pick(list(reversed(ids)), 8) == before
    assert len(set(before) - set(pick([*ids, "A/new"], 8))) <= 1
    assert pick(ids, None) == sorted(ids)
    assert len(pick(ids, 40)) == 30


def test_equal_inputs_give_equal_bytes(study, loaded, tmp_path):
    for name in ("one", "two"):
        STRESS.write(run(study, tmp_path, frames=1, strengths=[1.0]), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_command_writes_the_table_and_says_what_nothing_draws(study, loaded, tmp_path, monkeypatch):
    changes = {
        "stress": {"frames": 1},
        "evaluate": {"further_sizes_px": [320]},
        "build_confounders": {"confounders": {"air": ["fog", "blood", "haze"]}},
    }
    monkeypatch.setattr("stages.stress.__main__.load", lambda name, _: (study, section_params(name, **changes[name])))
    app = Typer()
    app.command()(main)
    out = tmp_path / "stress" / "cases.parquet"
    given = ["--artifacts", str(tmp_path), "--out", str(out), "--device", "cpu"]
    assert "Missing option '--threshold'" in CliRunner().invoke(app, given, env={"TERM": "dumb"}).output
    done = CliRunner().invoke(app, [*given, "--threshold", "0.5"])
    assert done.exit_code == 0, done.output
    assert len(STRESS.read(out)) == (rows := 2 * 2 * (1 + 2 * len(phrases())))
    assert f"{rows} rows, 2 frames" in done.output
    assert [sizes for *_, sizes in loaded[1]] == [[320], [320]]
    assert "no operator for them: fog, haze" in done.output
    assert untested({"air": ["blood"]}) == []


@pytest.mark.parametrize("strengths", [[], [0.0], [1.2]])
def test_strengths_must_be_above_zero_up_to_one(strengths):
    with pytest.raises(ValueError, match="strengths"):
        section_params("stress", strengths=strengths)


def test_pixels_that_nobody_judged_are_counted_under_no_confounder(study, loaded, tmp_path):
    frames = tmp_path / "ingest" / "A" / "frames.h5"
    with FRAMES.read(frames) as store:
        cases = store.case_ids
        images, masks = store.rows("image", cases), store.rows("mask", cases)
        natives = store.blobs("native_mask", cases)
    masks[:, :10] = 255
    write_frames(frames.parent, cases, images, masks, natives)
    rows = run(study, tmp_path, strengths=[1.0])
    rows = rows[rows["held_out"] == "A"]
    counted = rows[["tp", "fp", "fn", "tn"]].sum(axis=1).groupby(rows["confounder"]).unique().map(list).to_dict()
    side = masks.shape[1]
    screens = {"whole screen", "whole screen, cut to the view"}
    for name in {UNTOUCHED, *phrases()} - {"near view", "far view"} - screens:
        assert counted[name] == [side * (side - 10)]
    assert counted["whole screen"] == counted["whole screen, cut to the view"] == [WIDE * HIGH - 10 * side]
    assert all(side * (side - 10) < n < side * side for n in counted["far view"])
