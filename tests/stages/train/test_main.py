"""The command as DVC runs it: processes of their own, killed, doubled and misled."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcdrl.artifacts.plan import VariantPlan, write_plan
from mcdrl.artifacts.source_sites import write_source_sites
from mcdrl.study.paths import plan_files, site_files, sources_file, sources_folder
from mcdrl.study.variants import merged
from mcdrl.training.source_sites import source_sites
from tests import stub_sites
from tests.factories import bytes_of
from tests.projects import ROOT, SHIPPED, copy_project, raw_study, write_params


@pytest.fixture
def folder(tmp_path):
    """Return a repository in small: params.yaml of the real one with three stub sites, cards and stage one's output."""
    stub_sites.write_study(tmp_path / "artifacts")
    copy_project(tmp_path)
    _write_params(tmp_path)
    artifacts = tmp_path / "artifacts"
    write_source_sites(source_sites(artifacts, ["A", "B"], "C"), sources_file(sources_folder(artifacts), "C"))
    return tmp_path


def _write_params(folder, **train):
    phrases = SHIPPED["build_confounders"]["class_phrases"]
    small = {"epochs": 3, "batch_size": 8, "head_width": 16}
    params = merged(SHIPPED, {"method_params": {"mcdrl": {"heads": 4, "depth": 1}}, "train": {**small, **train}})
    params |= {"sites": raw_study("ABC")["sites"], "held_out": ["C"], "lesion_classes": stub_sites.LESIONS}
    own = {"class_phrases": {kind: phrases[kind] for kind in stub_sites.LESIONS}}
    params["build_confounders"] = {**SHIPPED["build_confounders"], **own}
    write_params(folder, params)
    for name in params["methods"]:
        own = params["method_params"].get(name, {})
        plan = VariantPlan(variant=name, method=name, code="0", params=own, train=params["train"])
        write_plan(plan, plan_files(folder / "artifacts").method(name))


def _command(*arguments):
    program = ["-m", "stages.train"] if "stub" not in arguments else [str(Path(__file__).parent / "stubbed_train.py")]
    rest = [argument for argument in arguments if argument != "stub"]
    return [sys.executable, *program, *rest, "--artifacts", "artifacts", "--out", "out"]


def _environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MCDRL_ACCELERATOR": "cpu", **more}


def _run(folder, *arguments, **environment):
    shutil.rmtree(folder / "out", ignore_errors=True)  # as DVC does
    return subprocess.run(
        _command(*arguments), cwd=folder, env=_environment(**environment), capture_output=True, text=True, check=False
    )


def test_a_typo_ends_with_exit_code_2_and_the_nearest_name(folder):
    done = _run(folder, "mcdlr", "C", "0")
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown method 'mcdlr'; did you mean 'mcdrl'? legal: baseline, ")


def test_data_that_dvc_does_not_know_of_are_refused_before_anything_is_trained(folder):
    stub_sites.empty_masks(folder / "artifacts", "B", "val")
    done = _run(folder, "mcdrl", "C", "0")
    assert done.returncode == 2
    assert "C.json tells of other data than there are, the first: ingest/B/frames.h5; run `dvc repro`" in done.stderr
    site_files(folder / "artifacts", "B").features.unlink()  # as where nothing was checked out
    done = _run(folder, "mcdrl", "C", "0")
    assert done.returncode == 2
    assert "encode/B.h5 does not exist; run `dvc repro`" in done.stderr
    assert not (folder / "out").exists()


@pytest.mark.slow
def test_two_processes_write_the_same_bytes_whatever_the_held_out_site_holds(folder):
    assert _run(folder, "mcdrl", "C", "0").returncode == 0
    first = bytes_of(folder / "out")
    assert {"model.safetensors", "model.json", "history.csv", "dvclive/metrics.json"} <= set(first)
    for path in (folder / "artifacts").rglob("C.h5"):
        path.write_bytes(b"poison")
    shutil.rmtree(folder / "artifacts" / "ingest" / "C")
    done = _run(folder, "mcdrl", "C", "0")
    assert done.returncode == 0, done.stderr
    assert bytes_of(folder / "out") == first


@pytest.mark.slow
def test_a_killed_run_continues_and_ends_with_the_same_bytes(folder):
    _write_params(folder, epochs=40)
    assert _run(folder, "mcdrl", "C", "0").returncode == 0
    whole = bytes_of(folder / "out")
    shutil.rmtree(folder / "out")
    killed = subprocess.Popen(_command("mcdrl", "C", "0"), cwd=folder, env=_environment(), stderr=subprocess.PIPE)
    while not list((folder / "artifacts" / ".resume").glob("*/last.safetensors")):
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (folder / "out" / "model.json").exists()
    done = _run(folder, "mcdrl", "C", "0")
    assert done.returncode == 0, done.stderr
    assert "continuing after epoch" in done.stderr
    assert bytes_of(folder / "out") == whole
    assert not list((folder / "artifacts" / ".resume").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["frozen", "adapter", "suffix", "finetune"])
def test_two_processes_together_train_what_one_does_alone(folder, mode):
    # Dropout, flips and augmentation are drawn process by process.
    _write_params(folder, mode=mode, dropout=0.0, flips=False, views=[], dice_weight=1.0)
    records = []
    for devices in ("1", "2"):
        done = _run(folder, "mcdrl", "C", "0", "stub", MCDRL_DEVICES=devices)
        assert done.returncode == 0, done.stderr
        records.append(list(csv.DictReader((folder / "out" / "history.csv").open())))
    for alone, together in zip(*records, strict=True):
        for name, value in alone.items():
            assert (value == together[name] == "") or float(value) == pytest.approx(float(together[name]), abs=1e-3)


@pytest.mark.slow
def test_the_whole_batch_must_divide_among_the_processes(folder):
    _write_params(folder, batch_size=7)
    done = _run(folder, "baseline", "C", "0", MCDRL_DEVICES="2")
    assert done.returncode == 2
    assert "7 frames a step can't be divided among 2 processes; change train.batch_size" in done.stderr
