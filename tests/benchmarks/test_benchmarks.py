"""Every script here starts, and gives its figures on a toy input where that takes seconds."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import typer
from lightning_fabric import Fabric
from PIL import Image

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.scores import GRID_ZERO, TOKENS_ZERO
from mcdrl.study.variants import merged
from mcdrl.training.cell import TrainingJob
from mcdrl.training.run import train
from tests import stub_sites
from tests.benchmarks._toys import run, script
from tests.benchmarks.table import p_cell
from tests.factories import (
    small_params,
    train_params,
)
from tests.pipeline.repository import Repository
from tests.projects import ROOT, SHIPPED
from tests.stages.report.topics.test_exchanges import exchanges

HERE = Path(__file__).parent
SCRIPTS = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith(("test_", "_", "conftest")))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_starts_and_explains_itself(name):
    module = script(name)
    assert f"python -m tests.benchmarks.{name}" in module.__doc__
    assert "Usage" in run(module, "--help")


def test_a_script_runs_from_the_repository_s_top_without_a_search_path():
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "tests.benchmarks.pairs", "--help"]
    done = subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: python -m tests.benchmarks.pairs" in done.stdout


def test_predict_is_timed_beside_a_bare_loop_that_writes_the_same_masks(model, site, tmp_path):
    frames, out = site("frames", range(5)) / "images", tmp_path / "ratios.parquet"
    said = run(script("predict"), model, frames, 1, "--out", out)
    assert "5 frames, batches of 4" in said
    assert float(re.search(r"median ratio (\d+\.\d+)", said).group(1)) > 0
    (kept,) = pd.read_parquet(out).itertuples()
    assert (kept.what, kept.round, kept.unit) == ("predict", 1, "ms a frame")
    assert min(kept.ours, kept.bare) > 0


def test_the_bare_loop_writes_masks_like_predict_s(model, site, tmp_path):
    """Of frames that are all view, so that both show the network the same."""
    module, frames = script("predict"), site("frames", range(3)) / "images"
    predictor, _ = module.load_predictor([model], None, "cpu", None, "full")
    (member,) = predictor._ensemble.members
    places = [tmp_path / name for name in ("bare", "ours")]
    places[0].mkdir()
    module.bare(sorted(frames.iterdir()), module.Network(member.encoder, member.model), predictor, places[0])
    module.predict_frames([frames], predictor, module.WantedOutput(places[1], 0.5), view="full", workers=1)
    masks = [[np.asarray(Image.open(place / f"{number}.png")) for number in range(3)] for place in places]
    assert np.mean(np.stack(masks[0]) == np.stack(masks[1])) > 0.99


def test_rounds_of_the_same_replace_those_that_are_kept_and_the_table_takes_medians(tmp_path, capsys):
    module, out = importlib.import_module("tests.benchmarks._ratios"), tmp_path / "ratios.parquet"
    for what, ours in (("a", [9.0, 1.0, 2.0, 4.0]), ("b", [0.0, 5.0]), ("a", [9.0, 2.0, 4.0, 5.0])):
        left = iter(ours)
        module.compare(what, lambda left=left: next(left), lambda: 2.0, len(ours) - 1, "s", out)
    assert capsys.readouterr().out.splitlines()[-1] == "median ratio 0.50"
    assert run(script("ratios"), out).splitlines()[2:] == [
        "| b | 1 | s | 5.00 | 2.00 | 0.40 |",
        "| a | 3 | s | 4.00 | 2.00 | 0.50 |",
    ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_accelerator_measures_each_work_without_cuda_too():
    """In a process of its own: it says by the environment where features are."""
    command = [sys.executable, "-m", "tests.benchmarks.accelerator", "--device", "cpu", "--devices", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in done.stdout.splitlines() if line[:1] == "|"]
    names = ["encode", *["mcdrl, frozen"] * 3, "mcdrl, suffix", "mcdrl, partial", "mcdrl, frozen, 2 devices"]
    assert [row[0] for row in rows[2:]] == names
    assert all(float(row[2]) > 0 for row in rows[2:]), done.stdout
    assert float(re.search(r"least cosine (\d\.\d+)", done.stdout).group(1)) == 1
    assert "seg 0.0e+00" in done.stdout


@pytest.mark.slow
def test_video_is_timed_beside_the_folder_of_its_frames(model, monkeypatch):
    module = script("video")
    monkeypatch.setattr(module, "SCENE_PX", 96)
    monkeypatch.setattr(module, "SIZE", (64, 48))
    monkeypatch.setattr(module, "RATE", 3)
    said = run(module, model, "--seconds", "2")
    names = r"video of 2 s|with --overlay|its frames as JPEGs|with --overlay"
    assert re.findall(rf"^({names}) +6 +\d+\.\d +-?\d+\.\d +\d+$", said, re.M) == names.split("|")


def test_smoothing_is_judged_by_dice_and_change(model, tmp_path, monkeypatch):
    module = script("smooth")
    monkeypatch.setattr(module, "SITES", "A")
    (tmp_path / "train" / "baseline" / "A").mkdir(parents=True)
    (tmp_path / "train" / "baseline" / "A" / "0").symlink_to(model)
    said = run(module, tmp_path, "baseline", "--frames", 3, "--videos", 1)
    assert re.search(r"baseline: 1 videos of 3 frames", said)
    assert len(re.findall(r"^\S+ +\d\.\d{3} +\d\.\d{3} +A [+-]\d\.\d{3}$", said, re.M)) == len(module.SMOOTH_S)
    assert re.search(r"^truth +1\.000 +0\.\d{3}", said, re.M)


def test_change_is_one_less_the_mean_overlap():
    masks = [np.array([[1, 1, 0, 0]], bool), np.array([[0, 1, 1, 0]], bool), np.array([[0, 1, 1, 0]], bool)]
    assert script("smooth").change(masks) == pytest.approx((2 / 3 + 0) / 2)


def test_export_compares_both_formats(model, site):
    said = run(script("export"), model, site("frames", range(2)) / "images", 2)
    assert re.findall(r"^(\w+): parity with PyTorch on 2 frames: masks differ in (\S+)% of the pixels", said, re.M) == [
        ("onnx", "0.0000"), ("torchscript", "0.0000"),
    ]  # fmt: skip


def test_audit_finds_the_planted_copies(site):
    said = run(script("audit"), site("one", range(4)), site("two", range(10, 14)))
    assert "8 frames" in said
    assert re.search(r"pairs of different sites: 16, near hashes \d+, flagged 0", said)
    assert "8/8 found (100.00%), 8 of these by the index" in said


def test_ingest_is_timed_beside_bare_decoding(site, monkeypatch):
    module = script("ingest")
    monkeypatch.setattr(module, "ROUNDS", 1)
    said = run(module, site("one", range(4)), "--rounds", 1)
    assert re.search(r"one: peak \d+ MiB after half of 4 frames", said)
    assert re.search(r"ingest one .*\n +1 +\d+\.\d{3} +\d+\.\d{3} +\d\.\d\d\n", said)
    assert re.search(r"one: \d+\.\d frames/s, 2 threads on \d cores \d+\.\d", said)


def test_pairs_gives_the_difference_by_hand(tmp_path):
    rows = [
        {"method": method, "held_out": site, "seed": 0, "case_id": f"{site}/{k}", "group_id": f"{site}/{k}",
         "dice": 0.5 + 0.01 * k + gain}
        for method, gain in (("a", 0.25), ("b", 0.0)) for site in "AB" for k in range(12)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    said = run(script("pairs"), tmp_path / "s.parquet", "a", "b")
    assert said.startswith("A: a less b +0.2500 (frames 0.2500 to 0.2500")
    assert "mean: a less b +0.2500 (frames 0.2500 to 0.2500, p 5e-05; one training each: not sure), 24 frames" in said


def test_table_gives_means_and_differences_by_hand(tmp_path):
    """Site A: b 0.5, a higher by 0.2 and 0.4 (two seeds); site B, which a has alone, counts in a's own mean."""
    rows = [
        {"method": method, "held_out": site, "seed": seed, "case_id": f"{site}/{k}", "group_id": f"{site}/{k}",
         "dice": 0.5 + gain}
        for method, site, seed, gain in (("b", "A", 0, 0.0), ("b", "A", 1, 0.0), ("a", "A", 0, 0.2), ("a", "A", 1, 0.4),
                                         ("a", "B", 0, -0.3), ("a", "B", 1, -0.3))
        for k in range(12)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    lines = run(script("table"), tmp_path / "s.parquet", "b", "a").splitlines()
    assert lines[2] == "| `b` | 1 | 2 | 0.500 (0.500 to 0.500) | 0.500 |  |  |  |"
    # over the seeds: mean 0.3, standard error 0.1, t of one degree of freedom 12.706
    expected = "| `a` | 2 | 2 | 0.500 (0.500 to 0.500) | 0.200 | +0.300 (+0.300 to +0.300) | -0.971 to +1.571 | 0.2 |"
    assert lines[3] == expected
    sites = run(script("table"), tmp_path / "s.parquet", "b", "a", "--sites", "--seed", 1).splitlines()
    assert (
        sites[2]
        == "| A | 0.500 (0.500 to 0.500) | 0.900 (0.900 to 0.900) | +0.400 (+0.400 to +0.400) | one training each | – |"
    )
    assert [line.split(" | ")[0] for line in sites[2:]] == ["| A", "| **mean**"]
    pd.DataFrame({"case_id": ["A/0", "A/1", "B/0", "C/0"]}).to_parquet(tmp_path / "few.parquet")
    few = run(script("table"), tmp_path / "s.parquet", "b", "a", "--seed", 1, "--frames-of", tmp_path / "few.parquet")
    assert few.splitlines()[2:] == [
        "| `b` | 1 | 1 | 0.500 (no interval) | 0.500 |  |  |  |",
        "| `a` | 2 | 1 | 0.550 (no interval) | 0.200 | +0.400 (no interval) | one training each | – |",
    ]


def test_methods_with_nothing_in_common_have_blank_cells(tmp_path):
    rows = [
        {"method": method, "held_out": site, "seed": seed, "case_id": f"{site}/{k}", "group_id": f"{site}/{k}",
         "dice": dice}
        for method, site, seed, dice in (("b", "A", 0, 0.5), ("other site", "B", 0, 0.6), ("other seed", "A", 1, 0.7),
                                         ("b", "C", 0, 0.5), ("b", "C", 1, 0.5), ("parts", "A", 0, 0.5),
                                         ("parts", "C", 1, 0.5))
        for k in range(6)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    lines = run(script("table"), tmp_path / "s.parquet", "b", "other site", "other seed").splitlines()
    assert lines[3:] == [
        "| `other site` | 1 | 1 | 0.600 (0.600 to 0.600) | 0.600 |  |  |  |",
        "| `other seed` | 1 | 1 | 0.700 (0.700 to 0.700) | 0.700 |  |  |  |",
    ]
    sites = run(script("table"), tmp_path / "s.parquet", "b", "other site", "--sites").splitlines()
    assert sites[2:] == ["| **mean** |  |  |  |  |  |"]
    with pytest.raises(typer.BadParameter, match=r"parts and b: site [AC]: no frame has a dice of both methods"):
        script("table").main(tmp_path / "s.parquet", "b", ["parts"], None, False, None, None)


def test_trainings_without_spread_have_no_interval_and_no_p(tmp_path):
    rows = [
        {"method": method, "held_out": "A", "seed": seed, "case_id": f"A/{k}", "group_id": f"A/{k}", "dice": dice}
        for method, dice in (("b", 0.5), ("a", 0.6)) for seed in range(3) for k in range(6)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    (line,) = run(script("table"), tmp_path / "s.parquet", "b", "a").splitlines()[3:]
    assert line.endswith("| +0.100 (+0.100 to +0.100) | no interval: trainings are alike | – |")
    assert "3 trainings that are alike: not sure" in run(script("pairs"), tmp_path / "s.parquet", "a", "b")


def test_devices_gives_the_effects_by_hand(tmp_path):
    """The device is 0.2 and 0.4 above its placebo in two seeds; a third, which it has alone, counts nowhere."""
    rows = [
        {"method": method, "held_out": "A", "seed": seed, "case_id": f"A/{k}", "group_id": f"A/{k}", "dice": dice}
        for method, dices in (("observed_backdoor", (0.7, 0.9, 0.1)), ("observed_permuted", (0.5, 0.5)))
        for seed, dice in enumerate(dices)
        for k in range(12)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    module, picture = script("devices"), tmp_path / "effects.svg"
    (line,) = run(module, tmp_path / "s.parquet", "--study", "observed", "--picture", picture).splitlines()[2:]
    assert line == (
        "| `observed_backdoor` | 0.800 (0.800 to 0.800) | `observed_permuted` | 0.500 (0.500 to 0.500) "
        "| +0.300 (+0.300 to +0.300) | -0.971 to +1.571 | 0.2 |"
    )
    assert picture.stat().st_size > 1000
    line = run(module, tmp_path / "s.parquet", "--study", "observed", "--seed", 1).splitlines()[-1]
    assert line.endswith("| +0.400 (+0.400 to +0.400) | one training each | – |")


def test_devices_tells_what_is_not_there(tmp_path, capsys):
    rows = [{"method": method, "held_out": "A", "seed": 0, "case_id": "A/0", "group_id": "A/0", "dice": 0.5}
            for method in ("mcdrl", "mcdrl_random")]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    module = script("devices")
    module.main(tmp_path / "s.parquet", study="control")
    said = capsys.readouterr()
    assert said.err.endswith("has no frames of both mcdrl and mcdrl_shuffled\n")
    assert len(said.out.splitlines()) == 3
    with pytest.raises(typer.BadParameter, match="has no device of the study devices with its placebo"):
        module.main(tmp_path / "s.parquet", study="devices")
    with pytest.raises(typer.BadParameter, match="unknown study 'device'; did you mean 'devices'"):
        module.main(tmp_path / "s.parquet", study="device")


def test_table_of_one_method_alone_has_its_sites(tmp_path):
    rows = [{"method": "a", "held_out": site, "seed": 0, "case_id": f"{site}/{k}", "group_id": f"{site}/{k}",
             "dice": dice} for site, dice in (("A", 0.4), ("B", 0.6)) for k in range(12)]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    lines = run(script("table"), tmp_path / "s.parquet", "a", "--sites").splitlines()
    assert lines[0] == "| held out | frames with a lesion | `a` |"
    assert lines[2:] == [
        "| A | 12 | 0.400 (0.400 to 0.400) |", "| B | 12 | 0.600 (0.600 to 0.600) |",
        "| **mean** | 24 | 0.500 (0.500 to 0.500) |",
    ]  # fmt: skip


def test_unseen_scores_every_frame_and_counts_what_is_called_beside_lesions(model, site, tmp_path):
    folder = site("A", range(6))
    Image.new("L", (96, 96)).save(folder / "masks" / "0.png")  # a frame without a lesion
    for path in list((folder / "images").iterdir()):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    said = run(script("unseen"), tmp_path / "s.parquet", f"polypgen_c1_flat={folder}", "--model", model)
    dice, beside = r"Dice (\S+) \(\S+ to \S+\) over 5 frames with a lesion", r"(\S+)% of the lesions found, (\S+) false"
    found = re.search(f"polypgen_c1_flat: {dice}, {beside}", said)
    rows = pd.read_parquet(tmp_path / "s.parquet")
    assert rows["dice"].isna().tolist() == [True, *[False] * 5]
    assert float(found[1]) == round(rows["dice"].mean(), 3)
    assert rows["lesions"].tolist()[0] == 0
    assert rows["lesions"][1:].ge(1).all()
    assert float(found[2]) == round(100 * rows["lesions_found"].sum() / rows["lesions"].sum(), 1)
    assert float(found[3]) == round(rows["false_components"].mean(), 2)
    assert "There is no estimate for new sites" in said


def test_scale_measures_the_audit_and_goes_on_in_the_same_table(tmp_path):
    figures = tmp_path / "s.parquet"
    for state in ("before", "after", "after"):
        run(script("scale"), figures, state, "--step", "audit", "--frames", 40)
    rows = pd.read_parquet(figures)
    assert rows[["state", "what", "n"]].values.tolist() == [["before", "audit", 40], ["after", "audit", 40]]
    assert rows["cpu_s"].gt(0).all()
    assert rows["peak_mib"].gt(50).all()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_scale_makes_a_study_that_dvc_holds_for_up_to_date(tmp_path):
    module = script("scale")
    project = module.many_cells(tmp_path / "project", 2)
    module.there(project, module.record)
    done = subprocess.run([sys.executable, "-m", "dvc", "status"], cwd=project, capture_output=True, text=True)
    assert "up to date" in done.stdout, done.stdout
    figures = tmp_path / "s.parquet"
    run(module, figures, "now", "--size", 2, *(f"--step={one.what}" for one in (*module.TABLES, *module.WHOLE)))
    rows = pd.read_parquet(figures)
    assert list(rows["n"]) == [60] * 6
    assert rows.set_index("what")["page_mb"].notna().to_dict()["report"]


def test_scale_s_table_by_hand(tmp_path):
    rows = [
        {"state": state, "what": what, "n": n, "wall_s": 9.0, "cpu_s": cpu_s, "peak_mib": 100.4, "page_mb": page}
        for state, what, n, cpu_s, page in (
            ("before", "audit", 1000, 10.0, None), ("before", "audit", 2000, 40.0, None),
            ("after", "audit", 1000, 10.0, None), ("after", "audit", 4000, 40.0, None),
            ("before", "report", 600, 1234.0, 5.94), ("after", "report", 600, 4.0, 1.2),
        )
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "s.parquet")
    assert run(script("scale_table"), tmp_path / "s.parquet", "before", "after").splitlines() == [
        "| step | of | CPU s, before | CPU s, after | MiB, before | MiB, after |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `audit` | 1,000 frames | 10 | 10 | 100 | 100 |",
        "| `audit` | 2,000 frames | 40 | – | 100 | – |",
        "| `audit` | 4,000 frames | – | 40 | – | 100 |",
        "| `report` | 600 cells | 1,234 | 4 | 100 | 100 |",
        "| the page, MB |  | 5.9 | 1.2 |  |  |",
        "| `audit`, exponent |  | 2.00, 1,000 to 2,000 | 1.00, 1,000 to 4,000 |  |  |",
    ]


def test_ceiling_keeps_patients_whole(tmp_path, site):
    module, folder = script("ceiling"), site("A", range(8))
    lines = [f"{k}.png,patient{k // 2}" for k in range(8)]
    (folder / "frames.csv").write_text("\n".join(["file,group_id", *lines]) + "\n")
    module.halves(folder)
    own, rest = ({path.stem for path in (tmp_path / f"A_{part}" / "images").iterdir()} for part in ("own", "rest"))
    assert own | rest == set(map(str, range(8)))
    assert rest == {"0", "1"}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_scripts_that_look_at_a_finished_study_run_on_a_tiny_one(tmp_path, monkeypatch):
    from tests.pipeline.repository import Repository

    repository = Repository(tmp_path / "copy")
    repository.repro()
    monkeypatch.chdir(repository.folder)
    assert "mcdrl" in run(script("budget"), "--steps", "1")
    assert "mean" in run(script("mining"))
    assert "(oracle)" in run(script("confidence"))
    assert "(ours)" in run(script("frame_score"))
    run(script("picture"), "picture.jpg")
    assert Image.open("picture.jpg").size[0] > 100
    module = script("memory")
    monkeypatch.setattr(module, "FRAMES", (8, 10))
    assert re.search(r"encode@A +8 frames a site +\d+ MiB", run(module))


def test_pretrainings_stand_side_by_side_by_hand(tmp_path):
    """Two trainings of one, 0.5 and 0.7 on check frames; three sites, two of them drawn; one figure isn't defined.

    At the drawn sites it is 0.1 and 0.2 above the first: 0.15, with an interval of 12.706 · 0.1 / 2 to either side.
    """
    module = script("pretraining")
    places = {module.CHECK: module.CHECK, "A": module.DRAWN, "B": module.DRAWN, "C": module.REAL}
    triplet = {"pretraining": "triplet", "figure": "recall"}
    rows = [
        triplet | {"seed": seed, "kind": kind, "place": place, "value": value + 0.2 * seed}
        for seed in (0, 1)
        for (place, kind), value in zip(places.items(), (0.5, 0.1, 0.3, 0.4), strict=True)
    ]
    worst = {"kind": module.CHECK, "place": module.CHECK, "figure": "worst", "value": None}
    rows += [rows[0] | worst, rows[0] | {"pretraining": "contrastive_apart"}]
    drawn = {"kind": module.DRAWN, "place": "A", "figure": "auroc"}
    for name, values in {"contrastive": (0.6, 0.7), "triplet": (0.7, 0.9), "graded": (0.5,)}.items():
        rows += [drawn | {"pretraining": name, "seed": seed, "value": value} for seed, value in enumerate(values)]
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    lines = run(script("pretraining_table"), tmp_path / "rows.parquet").splitlines()
    nothing = "– | – | – | – | – | – | – |"
    assert lines[2] == f"| `contrastive` | 2 | {nothing} 0.650 | – | – |  |  |"
    told = "0.600 | – | – | – | – | – | 0.300 | 0.800 | 0.500 | –"
    assert lines[3] == f"| `triplet` | 2 | {told} | +0.150 (-0.485 to +0.785) |  |"
    assert lines[4] == f"| `graded` | 1 | {nothing} 0.500 | – | – | -0.100 |  |"
    assert lines[5].startswith("| `contrastive_apart` | 1 | 0.500 | – |")
    assert len(lines) == 6


def test_acceptance_promises_each_site_what_the_others_reached(tmp_path):
    """Sites of 40 frames at 0.7, 0.72, 0.74 and 0.3: of the first three, 0.72 ± 4.303 · 0.02 · √(4/3) is expected."""
    means = {"A": 0.7, "B": 0.72, "C": 0.74, "D": 0.3}
    rows = [
        {"method": "m", "held_out": site, "seed": 0, "case_id": f"{site}/{k}", "group_id": f"{site}/{k}",
         "dice": mean + 0.01 * (k % 2) - 0.005}
        for site, mean in means.items()
        for k in range(40)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "scores.parquet")
    last = run(script("acceptance"), "m", tmp_path / "scores.parquet").splitlines()[-1]
    assert last.startswith("| D | 0.720 | 0.621 to 0.819 | 0.300 (0.29")
    assert last.endswith("| 40 | worse than promised |")
    few = run(script("acceptance"), "m", tmp_path / "scores.parquet", "--frames").splitlines()
    assert [line.split(" | ")[0] for line in few[2:]] == ["| 10", "| 20"]
    assert few[2].split(" | ")[2] == "25 %"
    assert few[2].endswith("100 % of 200 |")


@pytest.mark.slow
def test_pretrainings_are_measured_on_check_frames_and_at_sites_and_go_on_where_they_were(study, tmp_path, monkeypatch):
    sites = {"A": {"card": "phantom", "root": "A"}, "B": {"card": "folder", "root": "B", "lesion_class": "polyp"}}
    own = {"styles": "apart", "lesion_masks": False, "distillation": {"epochs": 1}}  # makes no difference
    small = {"pretrain": {"frames": 8, "check_frames": 8, "epochs": 1}}
    raw = merged(SHIPPED, small) | {"sites": sites, "held_out": ["A", "B"]}
    (study / "data").mkdir()
    (study / "data" / "sites").symlink_to(ROOT / "data" / "sites")
    (study / "params.yaml").write_text(json.dumps(raw), encoding="utf-8")  # JSON is YAML
    monkeypatch.chdir(study)
    module, out = script("pretraining"), tmp_path / "rows.parquet"
    for name in ("triplet", "contrastive_apart_no_masks"):
        run(module, out, "--only", name)
    rows = pd.read_parquet(out)
    kinds = rows.groupby(["pretraining", "kind"])["place"].agg(set).unstack().to_dict("index")
    expected = {module.CHECK: {module.CHECK}, module.DRAWN: {"A"}, module.REAL: {"B"}}
    assert kinds == {"triplet": expected, "contrastive_apart_no_masks": expected}
    assert rows.loc[rows["figure"] == "recall", "value"].between(0, 1).all()
    before = out.read_bytes()
    (study / "params.yaml").write_text(json.dumps(merged(raw, {"pretrain": own})), encoding="utf-8")
    run(module, out, "--only", "triplet")
    assert out.read_bytes() == before
    (study / "params.yaml").write_text(json.dumps(merged(raw, {"pretrain": {"frames": 16}})), encoding="utf-8")
    with pytest.raises(typer.BadParameter, match="holds trainings on 8 frames with 1 epochs, but params"):
        module.main(out)
    with pytest.raises(typer.BadParameter, match=r"no pretraining is called .*tripled.*; legal: contrastive, non_"):
        module.main(out, ["tripled"])


def test_label_efficiency_goes_on_where_it_was(study, tmp_path, monkeypatch):
    module, out = script("label_efficiency"), tmp_path / "runs"
    quick = {name: replace(getattr(module, name), steps=1) for name in ("RECIPE", "SCRATCH")}
    for name, recipe in quick.items():
        monkeypatch.setattr(module, name, recipe)
    few = [module.Run("none", 0, 0), module.Run("adapt", 2, 0), module.Run("scratch", 2, 0)]
    monkeypatch.setattr(module, "runs", lambda: few)
    options = ["--method", "baseline", "--test-frames", 4]
    assert "done: A-none-0-0" in run(module, study, out, *options, "--most", 1)
    told = run(module, study, out, *options, "--collect", tmp_path / "all.parquet")
    assert "A-none" not in told
    rows = pd.read_parquet(tmp_path / "all.parquet")
    assert rows.groupby(["way", "frames"]).size().to_dict() == {("none", 0): 4, ("adapt", 2): 4, ("scratch", 2): 4}
    assert set(rows.groupby("way")["case_id"].agg(frozenset)) == {frozenset(rows["case_id"])}
    table = told[told.index("| way") :]
    picture = tmp_path / "curve.png"
    assert run(module, tmp_path / "all.parquet", "--picture", picture).strip() == table.strip()
    assert Image.open(picture).width > 400


def test_own_patients_are_judged_on_validation_frames_by_both_networks(study, tmp_path):
    cell = study / "artifacts" / "train" / "baseline" / "A" / "0"
    shutil.copytree(cell, study / "artifacts" / "train_all" / "baseline" / "0")
    cases = study / "artifacts" / "ingest" / "A" / "cases.parquet"
    rows = CASES.read(cases)
    CASES.write(rows.assign(split=["val"] * 4 + ["train"] * 3 + ["val"]), cases)  # the last has no lesion
    assert "done: baseline-A-0" in run(script("own_patients"), study, tmp_path / "own.parquet", "--method", "baseline")
    found = pd.read_parquet(tmp_path / "own.parquet")
    assert found.groupby("method")["case_id"].agg(list).to_dict() == dict.fromkeys(
        ["baseline", "own_patients"], rows["case_id"].tolist()[:4]
    )
    assert found.groupby("case_id")["dice"].nunique().tolist() == [1] * 4  # equal networks here
    assert found["dice"].between(0, 1).all()


def test_label_efficiency_by_hand():
    """Two sites of three frames, two seeds of adapted, one of none; in that one adapted gains 0.0 and 0.2."""
    rows = [
        {"held_out": site, "way": way, "frames": count, "seed": seed, "case_id": f"{site}/{frame}",
         "group_id": str(frame), "dice": np.nan if frame == 2 else dice, "sensitivity": 1.0,
         "false_alarms": 1.0 if frame == 2 else np.nan}
        for site, gain in (("A", 0.1), ("B", 0.3))
        for way, count, seed, dice in (("none", 0, 0, 0.5), ("adapt", 5, 0, 0.4 + gain), ("adapt", 5, 1, 0.6 + gain))
        for frame in range(3)
    ]  # fmt: skip
    found = script("label_efficiency").compared(pd.DataFrame(rows)).set_index("way")
    assert found["dice"].to_dict() == pytest.approx({"none": 0.5, "adapt": 0.7})
    assert found.loc["adapt", ["less", "worst", "least", "most"]].tolist() == pytest.approx([0.1, 0.6, 0.6, 0.8])
    assert found["seeds"].tolist() == [1, 2]
    assert found["alarms"].tolist() == [1.0, 1.0]


def test_label_efficiency_tests_on_other_groups_than_it_learns_from():
    module = script("label_efficiency")
    groups = np.array(list("aabbccddeeff"))
    frames = module.LabelledFrames(*[np.zeros((12, 2, 2))] * 2, np.zeros(12), groups, np.arange(12))
    pool, test = module.split(frames, "A", 4)
    assert not set(pool.groups) & set(test.groups)
    assert len(test) == 4
    assert sorted([*pool.site, *test.site]) == list(range(12))
    assert module.split(frames, "A", 4)[1].site.tolist() == test.site.tolist()


def test_label_efficiency_has_the_seeds_that_were_asked_for():
    """Three for none and twenty frames; five, ten, twenty and fifty of either way with labels."""
    runs = script("label_efficiency").runs()
    assert len(set(runs)) == len(runs)
    for way in ("adapt", "scratch"):
        assert {run.frames for run in runs if run.way == way} == {5, 10, 20, 50}
    for way, frames in (("none", 0), ("adapt", 20), ("scratch", 20)):
        assert {run.seed for run in runs if (run.way, run.frames) == (way, frames)} == {0, 1, 2}


def test_a_mask_finds_its_way_back_by_hand():
    """Two kinds of places, [1, 0] and [0, 1]: of four in the other frame two are called, of which one is lesion."""
    grid = torch.tensor([[[2.0, 0.0, 0.0, 0.0]], [[0.0, 3.0, 3.0, 3.0]]])
    other = torch.tensor([[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]])
    truth = torch.tensor([[True, False, False, False]])
    cycle_dice = script("cycle").cycle_dice
    for mask, found in (([True, False, False, False], 2 / 3), ([False, True, True, True], 0.0)):
        assert cycle_dice(grid, torch.tensor([mask]), other[None], truth[None]).tolist() == pytest.approx([found])
    fine = torch.tensor([[True, True, *[False] * 6]] * 2)  # four pixels a place, as the frame is larger than the grid
    both = cycle_dice(grid, fine, other.expand(2, 2, 1, 4), torch.stack([fine, ~fine]))
    assert both.tolist() == pytest.approx([2 / 3, 2 / 5])


def test_cycle_scores_every_frame_with_a_lesion_and_shows_its_file(study, tmp_path):
    module, rows = script("cycle"), tmp_path / "rows.parquet"
    told = run(module, study, "baseline/A/0", "--collect", rows)
    assert run(module, rows) == told
    scores = pd.read_parquet(rows)
    assert scores.groupby("split")["case_id"].agg(list).to_dict() == {
        "held_out": [f"A/{frame}" for frame in range(6)], "validation": ["B/4", "B/5"],
    }  # fmt: skip
    assert {f"cycle {name}" for name in ("s8", "s16", "s32", "dense")} < set(scores)


def test_cycle_compares_by_hand():
    """Dice 0.2, 0.8 and 0, nothing found in the third: one order has risks 0.8, 0.5, 2/3, the other 0.2, 0.5, 2/3."""
    module, parts = script("cycle"), []
    for split in ("validation", "held_out"):
        names = {"network": "m", "held_out": "A", "seed": 0, "split": split, "case_id": list("abc")}
        measured = {"dice": [0.2, 0.8, 0.0], "called": [True, True, False]}
        scores = {"confidence": [0.9, 0.1, 1.0], "cycle x": [0.1, 0.9, 1.0]}
        parts.append(pd.DataFrame({**names, "group_id": list("abc"), **measured, **scores}))
    lines = [line.split(" | ") for line in module.table(pd.concat(parts, ignore_index=True))]
    assert [line[0] for line in lines[2:]] == [
        "| confidence", "| cycle x", "| confidence and cycle x", "| (oracle)",
    ]  # fmt: skip
    assert lines[2][1:5] == ["0.656", "0.500", "0.656", "0.500"]
    assert lines[3][3] == "0.456"
    assert lines[3][5].startswith("-0.200 (")
    assert lines[3][6] == "1 of 1 |"


def test_alarms_go_on_from_a_trained_model(tmp_path, monkeypatch):
    stub_sites.write_study(tmp_path / "artifacts")
    monkeypatch.setattr("mcdrl.clip.load.load_encoder", lambda *_: stub_sites.StubEncoder())
    module, own = script("alarms"), small_params("baseline")
    monkeypatch.setattr(module, "make_deterministic", lambda: None)
    params = train_params(mode="partial", epochs=2, batch_size=8, head_width=16, intervene_from=0)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    cell = TrainingJob(
        "baseline", "baseline", "C", 0, ["A", "B"], tmp_path / "artifacts", stub_sites.LESIONS, params, own
    )  # fmt: skip
    train(cell, fabric, tmp_path / "model")
    told = tmp_path / "model", tmp_path / "artifacts", tmp_path / "alarms.parquet"
    printed = run(module, *told, "control")
    assert "control" in printed
    printed = run(module, *told, "hard", "control")  # what is there already is made anew
    rows = pd.read_parquet(told[-1])
    assert rows.groupby("variant").size().nunique() == 1
    held_out = rows[(rows["part"] == "held_out") & (rows["variant"] == "hard")]
    assert sorted(held_out["case_id"]) == [f"C/{frame:03d}" for frame in range(16)]
    assert held_out["lesion"].sum() == 12
    assert set(rows["part"]) == {"val", "val_near", "held_out"}
    assert rows[rows["variant"] == "control"]["presence"].isna().all()
    assert rows[rows["variant"] == "hard"]["presence"].between(0, 1).all()
    assert "presence_auroc" in printed
    train(replace(cell, seed=1), fabric, tmp_path / "other")
    run(module, tmp_path / "other", *told[1:], "control")  # another model of the fold displaces nothing
    both = pd.read_parquet(told[-1])
    assert both.groupby(["seed", "variant"]).size().index.tolist() == [(0, "control"), (0, "hard"), (1, "control")]
    assert len(both) == 3 * len(rows) / 2
    both.drop(columns="network").to_parquet(told[-1])
    with pytest.raises(typer.BadParameter, match="of an earlier version"):
        module.main(*told, ["control"])


def test_a_process_tells_its_imports_wherever_they_stand(tmp_path):
    """Half a second of work isn't start-up, an import within a function is."""
    module = script("start")
    (tmp_path / "late.py").write_text("def work():\n    import decimal_like\n")
    (tmp_path / "decimal_like.py").write_text(
        "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
    )
    code = "import time, late; late.work(); end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    one, whole = module.told(("-c", code), tmp_path, {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert 0.2 <= one["start_s"] <= one["cpu_s"] - 0.5
    assert whole["cpu_s"] >= one["cpu_s"]
    assert "decimal_like" in one["modules"]


def test_start_up_s_table_by_hand(tmp_path):
    rows = [
        ("dvc repro", "train", 10.0, 2.0, "torch"), ("dvc repro", "train", 20.0, 1.0, "torch timm"),
        ("dvc repro", "plan", 1.0, 0.5, ""), ("dvc repro", "all", 35.0, 0.0, ""),
        ("--help", "train", 0.25, 0.2, ""), ("--help", "plan", 0.5, 0.2, "pandas"),
        ("import", "torch", 1.0, 1.0, "torch"),
    ]  # fmt: skip
    pd.DataFrame(rows, columns=["what", "name", "cpu_s", "start_s", "loaded"]).to_parquet(tmp_path / "start.parquet")
    table = script("start_table")
    assert run(table, tmp_path / "start.parquet").splitlines()[2:] == [
        "| train | 2 | 30.0 | 3.0 | 1.50 | 10 % | torch timm |",
        "| plan | 1 | 1.0 | 0.5 | 0.50 | 50 % |  |",
        "| **all** | 3 | 35.0 | 3.5 | 1.17 | 10 % |  |",
    ]
    assert run(table, tmp_path / "start.parquet", "--alone").splitlines()[2:] == [
        "| `import torch` | 1.00 | torch |",
        "| `plan --help` | 0.50 | pandas |",
        "| `train --help` | 0.25 |  |",
    ]


@pytest.mark.slow
def test_stages_and_commands_explain_themselves_in_half_a_second_of_processor_time(tmp_path):
    run(script("start"), tmp_path / "start.parquet", "--no-whole")
    rows = pd.read_parquet(tmp_path / "start.parquet").query("what == '--help'").set_index("name")
    assert rows.loc["mcdrl", "cpu_s"] < 0.5
    assert not rows["loaded"].str.contains("torch").any()


@pytest.mark.slow
def test_encoding_epochs_and_repro_are_timed_beside_bare_loops(tmp_path, monkeypatch):
    """On a tiny study, run by the real DVC."""
    repository, out = Repository(tmp_path / "copy"), tmp_path / "ratios.parquet"
    repository.repro()
    monkeypatch.chdir(repository.folder)
    run(script("encode"), "A", "--rounds", 1, "--out", out)
    run(script("epoch"), "mcdrl", "--steps", 1, "--rounds", 1, "--out", out)
    run(script("no_op"), "--rounds", 1, "--out", out)
    rows = pd.read_parquet(out).set_index("what")
    assert rows.index.tolist() == ["encode", "epoch from the cache", "no-op `dvc repro`"]
    assert (rows["ours"] < 4 * rows["bare"]).all()
    assert rows.loc["epoch from the cache", "bare"] > rows.loc["epoch from the cache", "ours"]


def test_what_slots_save_is_kept_beside_other_ratios(tmp_path, monkeypatch):
    module, out = script("side_by_side"), tmp_path / "ratios.parquet"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    taken = {"alike": 8.0, "ours": 4.0, "plain": 6.0}
    asked = {}

    def timed(folder, arguments, further, whole):
        asked[folder.name] = (arguments, further, whole)
        return taken[folder.name], b"lock"

    monkeypatch.setattr(module, "timed", timed)
    assert run(module, "--no-whole", "--out", out).splitlines()[-1] == "dvc.lock, hashes of all artifacts: equal"
    assert asked["ours"] == ((*module._RUN, "2"), asked["alike"][1], False)
    assert asked["alike"][1:] == ({"OMP_NUM_THREADS": "1"}, False)
    assert asked["plain"] == (module._DVC, {}, False)
    assert run(script("ratios"), out).splitlines()[2:] == [
        "| `mcdrl run --slots 2`, `dvc repro` of 1 thread | 1 | s | 4.00 | 8.00 | 2.00 |",
        "| `mcdrl run --slots 2`, `dvc repro` of all cores | 1 | s | 4.00 | 6.00 | 1.50 |",
    ]


def test_what_exchanging_a_dictionary_changes_stands_beside_the_dice_as_trained():
    rows = exchanges({"z_random": 0.003, TOKENS_ZERO: -0.25, GRID_ZERO: -0.5}, spread=0.0, seeds=(0, 1))
    head, _, row = script("exchanges").lines(rows, ["mcdrl"])
    assert head[3:] == ["Dice", "Z random", "Z zero", "Z shuffled", "its tokens zero", "all tokens zero", "entropy"]
    unchanged = "+0.000 (+0.000 to +0.000)"
    assert row == [
        "`mcdrl`", "2", "2", "0.700", "+0.003 (+0.003 to +0.003)", unchanged, unchanged,
        "-0.250 (-0.250 to -0.250)", "-0.500 (-0.500 to -0.500)", "0.990",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "told"),
    [(0.0499, "0.0499"), (0.049999, "0.049999"), (0.05, "0.05"), (0.0123, "0.012"), (float("nan"), "nan")],
)
def test_p_has_the_digits_that_say_whether_it_is_sure(p, told):
    assert p_cell(p) == told
