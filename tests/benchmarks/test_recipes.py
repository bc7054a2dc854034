"""Recipes are judged one by one and together, at the site left out and on validation frames of the others."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
import typer
from PIL import Image
from safetensors.torch import load_file, save_file

from mcdrl.base.files import write_json
from mcdrl.model.ensemble import load_ensemble
from mcdrl.model.network import FurtherSizes
from tests.benchmarks._toys import noise, run, script
from tests.projects import ROOT, SHIPPED
from tests.stub_sites import write_pairs

recipes = script("recipes")
KEY = ["method", "held_out", "seed", "case_id"]


@pytest.fixture
def project(study, monkeypatch):
    """The study with its frames' files, standing in it."""
    sites = {name: {"card": "folder", "root": name, "lesion_class": "polyp"} for name in "AB"}
    for name in sites:
        for kind in ("images", "masks"):
            (study / name / kind).mkdir(parents=True)
        for seed in range(8):
            noise([seed, ord(name)], 224).save(study / name / "images" / f"{seed}.png")
            Image.fromarray(np.zeros((224, 224), np.uint8)).save(study / name / "masks" / f"{seed}.png")
    (study / "data").mkdir()
    (study / "data" / "sites").symlink_to(ROOT / "data" / "sites")
    (study / "params.yaml").write_text(json.dumps({**SHIPPED, "sites": sites, "held_out": ["A", "B"]}))  # JSON is YAML
    monkeypatch.chdir(study)
    return study


def other_training(study, seed):
    """A cell beside the study's, whose weights are others."""
    cell = study / "artifacts" / "train" / "baseline" / "A"
    shutil.copytree(cell / "0", cell / str(seed))
    weights = {name: value + 0.1 * (value.is_floating_point()) for name, value in
               load_file(cell / "0" / "model.safetensors").items()}  # fmt: skip
    save_file(weights, cell / str(seed) / "model.safetensors")
    card = json.loads((cell / "0" / "model.json").read_text())
    write_json({**card, "seed": seed, "weights_sha256": ""}, cell / str(seed) / "model.json")
    return cell / str(seed)


def test_copies_of_training_frames_are_no_validation_frames(project, tmp_path):
    cell, out, validation = project / "artifacts/train/baseline/A/0", tmp_path / "out.parquet", tmp_path / "val.parquet"
    shown = []
    for pairs in ([], [("B/4", "B/1", False)]):
        write_pairs(project / "artifacts", *pairs)
        run(recipes, out, cell, "--no-sizes", "--validation", validation)
        shown.append(set(pd.read_parquet(validation)["case_id"]))
        validation.unlink()
    assert shown == [{"B/4", "B/5"}, {"B/5"}]
    assert len(pd.read_parquet(out)) == 8


def test_each_training_and_all_together_at_one_size_and_two(project, tmp_path):
    cells = [project / "artifacts" / "train" / "baseline" / "A" / "0", other_training(project, 1)]
    out, validation = tmp_path / "out.parquet", tmp_path / "validation.parquet"
    findings = tmp_path / "findings.parquet"
    told = run(recipes, out, *cells, "--validation", validation, "--frames", 1, "--whole", "--findings", findings)
    rows, found = pd.read_parquet(out), pd.read_parquet(findings)
    assert told.startswith("A: {")
    assert rows.groupby(["method", "seed"]).size().to_dict() == {
        ("baseline", 0): 8, ("baseline", 1): 8, ("baseline_sizes", 0): 8, ("baseline_sizes", 1): 8,
        ("baseline_together2", 0): 8, ("baseline_together2_sizes", 0): 8,
        ("baseline_whole", 0): 8, ("baseline_whole", 1): 8,
    }  # fmt: skip
    assert set(rows["held_out"]) == {"A"}
    assert (rows["lesions"] == 0).groupby(rows["method"]).mean().unique().tolist() == [0.25]
    assert rows.loc[rows["lesions"] == 0, "dice"].isna().all()
    assert rows["score"].between(0, 1).all()
    seen = rows.pivot(index="case_id", columns=["method", "seed"], values="score")
    np.testing.assert_allclose(seen["baseline", 0], seen["baseline_whole", 0], atol=0.05)  # there is no screen to cut
    shown = pd.read_parquet(validation)
    assert set(shown["case_id"]) < {f"B/{seed}" for seed in range(4, 6)}
    assert set(shown["held_out"]) == {"A"}
    assert "baseline_together2_sizes" in set(shown["method"])
    assert not shown["method"].str.endswith("_whole").any()
    lesions, false = (found[found["kind"] == kind] for kind in ("lesion", "false"))
    for kind, counts in (
        (lesions, rows["lesions"]),
        (lesions.dropna(subset="score"), rows["found"]),
        (false, rows["false"]),
    ):
        assert (
            kind.groupby(KEY).size().to_dict()
            == counts[counts > 0].set_axis(rows[KEY].apply(tuple, axis=1)[counts > 0]).to_dict()
        )
    assert false["score"].between(0.5, 1).all()
    assert false["area_share"].between(0, 1, inclusive="right").all()
    run(recipes, out, cells[0], "--no-sizes", "--findings", findings)  # what is there is made anew, the rest stays
    assert len(pd.read_parquet(out)) == len(rows)
    pd.testing.assert_frame_equal(pd.read_parquet(findings), found)


def test_together_is_the_mean_of_what_each_says_at_all_sizes(project):
    cells = [project / "artifacts" / "train" / "baseline" / "A" / "0", other_training(project, 1)]
    ensemble = load_ensemble(cells, None, "cpu", (320,))
    frames = np.stack([np.asarray(noise(seed, 224)) for seed in range(2)])
    found = recipes.asked(ensemble, frames)

    def said(recipe, seed):
        return np.mean([lesion for lesion, _ in found[recipe, seed]], axis=0)

    alone = [load_ensemble([cell], None, "cpu", (320,)).probability(frames) for cell in cells]
    np.testing.assert_allclose(said("_sizes", 0), alone[0], atol=1e-6)
    np.testing.assert_allclose(said("_sizes", 1), alone[1], atol=1e-6)
    np.testing.assert_allclose(said("_together2_sizes", 0), np.mean(alone, axis=0), atol=1e-6)
    assert np.abs(alone[0] - alone[1]).max() > 0.01
    member = ensemble.members[0]
    model, batch = next(ensemble.batches(frames))
    with torch.inference_mode():
        larger = FurtherSizes(model, member.encoder, (320,))._answer(batch.frame, 320).numpy()
    np.testing.assert_allclose(2 * said("_sizes", 0) - said("", 0), larger, atol=1e-5)


def test_models_of_several_methods_answer_as_one_alone(project, tmp_path):
    cells = [other_training(project, 1), project / "artifacts" / "train" / "baseline" / "A" / "0"]
    other = project / "artifacts" / "train" / "other" / "A"
    other.mkdir(parents=True)
    cells[1] = cells[1].rename(other / "0")
    card = json.loads((cells[1] / "model.json").read_text())
    write_json({**card, "variant": "other", "weights_sha256": ""}, cells[1] / "model.json")
    out, validation = tmp_path / "out.parquet", tmp_path / "validation.parquet"
    run(recipes, out, *cells, "--together", "both", "--validation", validation, "--frames", 1)
    kinds = {("both", 1), ("both_sizes", 1)}  # the first one's seed
    for table in (out, validation):
        assert set(pd.read_parquet(table)[["method", "seed"]].itertuples(index=False, name=None)) == kinds
    frames = np.stack([np.asarray(noise(seed, 224)) for seed in range(2)])
    ensemble = load_ensemble(cells, None, "cpu", (320,))
    found = recipes.asked(ensemble, frames, apart=False)
    mean = np.mean([lesion for lesion, _ in found["_sizes", 1]], axis=0)
    np.testing.assert_allclose(mean, ensemble.probability(frames), atol=1e-6)
    with pytest.raises(typer.BadParameter, match="leave out --together"):
        recipes.main(out, cells, whole=True, together="both")


def test_a_frame_s_score_is_of_what_somebody_judged():
    """What is called lies where nobody judged: in the left half of what a box, the lower right quarter, shows."""
    p = np.zeros((2, 8, 8), np.float32)
    p[:, :, :4] = 0.99
    mask = np.zeros((32, 64), np.uint8)
    mask[16:, 32:48] = 255
    masks = {"some": mask, "all": np.zeros_like(mask)}
    box = (32, 16, 64, 32)
    answers = {
        ("", 0): [(p, None)],
        ("_head", 0): [(p, np.array([0.3, 0.6]))],
        ("_both", 0): [(p, None), (p / 3, None)],
    }
    look = recipes._Look("", dict.fromkeys(masks, box), answers)
    scores = [score for *_, score in look.counts(masks)]
    # a presence head's is of the whole frame, and that of two models the mean
    assert scores == pytest.approx([0, 0.99, 0.3, 0.6, 0, 0.66], abs=0.01)


def test_two_models_of_one_seed_are_refused(project, tmp_path):
    cell, other = project / "artifacts" / "train" / "baseline" / "A" / "0", other_training(project, 1)
    write_json({**json.loads((other / "model.json").read_text()), "seed": 0}, other / "model.json")
    with pytest.raises(typer.BadParameter, match="baseline, A: two models of one seed"):
        recipes.main(tmp_path / "out.parquet", [cell, other], None, 30, False, False)


def rows_of(values, **names):
    """Rows of score and count of lesions, 0 or 1."""
    return pd.DataFrame([
        {**names, "case_id": f"{at}", "score": score, "lesions": there, "found": there, "false": 1 - there}
        for at, (score, there) in enumerate(values)
    ])  # fmt: skip


def test_the_table_by_hand():
    """Ten frames with a lesion scored 0.1 to 1.0, thirty without: ten at 0.15, twenty at 0.05."""
    table = script("recipes_table")
    lesions = [(0.1 * at, 1) for at in range(1, 11)]
    names = {"method": "baseline", "held_out": "A", "seed": 0}
    rows = rows_of([*lesions, *[(0.15, 0)] * 10, *[(0.05, 0)] * 20], **names)
    # on validation frames nine of ten reach 0.08: there all with a lesion are called, and the ten
    validation = rows_of([(0.07, 1), *[(0.08, 1)] * 9, (0.9, 0)], **names)
    lines = list(table.lines(pd.concat([rows, rows_of([(0.5, 1), (0.1, 0)], **{**names, "held_out": "B"})]), validation,
                             ["baseline"]))  # fmt: skip
    assert lines[0][5:] == [
        f"A: {head}"
        for head in ("AUROC", "alarms at 0.90", "called with, by validation", "without, by validation",
                     "called with, by other sites", "without, by other sites")
    ]  # fmt: skip
    # the lowest with a lesion beats the twenty alone: (9 * 30 + 20) / 300; at 0.2 nothing is called beside
    assert lines[2] == ["`baseline`", "2", "1", "1.000", "0.62", "0.967", "0.000", "1.000", "0.333", "0.600", "0.000"]
    alone = list(table.lines(rows, validation.iloc[:0], ["baseline"]))
    assert alone[2] == [
        "`baseline`",
        "1",
        "1",
        "1.000",
        "0.75",
        "0.967",
        "0.000",
        "",
        "",
        "",
        "",
    ]  # no limit, no figure
    other = rows.assign(seed=1, score=rows["score"].where(rows["lesions"] > 0, 0.0))  # validation frames has the first
    both = list(table.lines(pd.concat([rows, other]), validation, ["baseline"]))
    assert both[2][2] == "2"
    # the mean of 0.967 and 1, and what the first one alone has
    assert both[2][-6:] == ["0.983", "0.000", "1.000", "0.333", "", ""]


def test_free_response_curves_by_hand():
    """Two lesions, found at 0.9 and missed; false positives at 0.8, in a frame without a lesion, and 0.6."""
    froc = script("froc")
    names = {"method": "baseline", "held_out": "A", "seed": 0}
    frames = rows_of([(0.9, 1), (0.2, 1), *[(0.7, 0)] * 10, *[(0.1, 0)] * 20], **names)
    findings = pd.DataFrame([
        {**names, "case_id": "0", "kind": "lesion", "score": 0.9, "area_share": np.nan},
        {**names, "case_id": "1", "kind": "lesion", "score": np.nan, "area_share": np.nan},
        {**names, "case_id": "5", "kind": "false", "score": 0.8, "area_share": 0.3},
        {**names, "case_id": "1", "kind": "false", "score": 0.6, "area_share": 0.5},
    ])  # fmt: skip
    other = frames.assign(seed=1)  # of which nothing was found out
    head, _, row = froc.lines(findings, pd.concat([frames, other]), ["baseline"])
    assert head[3:] == [
        "found at 0.125", "found at 0.25", "found at 0.5", "found at 1", "found at 2",
        "A: alarms at 0.95", "A: called area",
    ]  # fmt: skip
    # at 0.9 half is found and nothing is called in vain; both with a lesion reach 0.2, as ten of thirty do
    assert row == ["`baseline`", "1", "1", *["0.500"] * 5, "0.333", "1.0 %"]
    few = froc.lines(findings[findings["score"] != 0.9], frames.iloc[:8], ["baseline"])
    assert list(few)[2] == ["`baseline`", "1", "1", *["0.000"] * 5]


def test_validation_dice_is_that_of_the_models_own(project, tmp_path):
    cell, out = project / "artifacts" / "train" / "baseline" / "A" / "0", tmp_path / "out.parquet"
    for _ in range(2):  # what is there stays, once
        run(script("validation"), out, cell)
    (row,) = pd.read_parquet(out).itertuples()
    card = json.loads((cell / "model.json").read_text())
    assert (row.method, row.held_out, row.seed, row.dice) == ("baseline", "A", 0, card["val_dice"])
    assert "| A | 1 | " in run(script("table"), out, "baseline", "--sites")


def test_the_table_of_one_training_is_of_its_frames_alone(tmp_path):
    names = {"method": "baseline", "held_out": "A"}
    first, second = rows_of([(0.9, 1), (0.8, 1)], seed=0, **names), rows_of([(0.9, 1), (0.8, 0)], seed=1, **names)
    for file in ("left_out", "validation"):
        pd.concat([first, second]).to_parquet(tmp_path / file)
    places = tmp_path / "left_out", tmp_path / "validation"
    of_both, of_second = (run(script("recipes_table"), *places, *more).splitlines()[-1] for more in ((), ("--seed", 1)))
    assert of_both == "| `baseline` | 1 | 2 | 1.000 | 0.25 |"
    assert of_second == "| `baseline` | 1 | 1 | 1.000 | 0.50 |"
