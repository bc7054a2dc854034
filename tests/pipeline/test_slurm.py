"""A real training as a job of a real SLURM: preempted between two epochs, it ends with the bytes of one that wasn't."""

import shutil
import subprocess
import sys
import time
from copy import copy

import pytest
import yaml

from tests.pipeline.repository import Repository
from tests.slurm_node import lacking, slurm_node

CELL = "train@mcdrl-A-0"
EPOCHS = 12  # some seconds, so that there is time to interrupt it

pytestmark = [
    pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(lacking()), reason=lacking() or "-"),
]  # fmt: skip


def trained(repository):
    """What dvc.lock says of the cell."""
    return yaml.safe_load((repository.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"][CELL]


def interrupt(repository, environment):
    """Let a job that is urgent preempt it as soon as it has finished an epoch."""
    unfinished = repository.folder / ".dvc/tmp/run/copies" / CELL / "artifacts/.resume"
    deadline = time.monotonic() + 300
    while not any(path.is_file() and path.suffix == ".safetensors" for path in unfinished.rglob("*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    command = ["sbatch", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 1"]
    subprocess.run(command, env=environment, check=True)


def test_a_preempted_training_ends_with_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    plain = Repository(tmp_path / "plain")
    plain.edit(lambda params: params["train"].update(epochs=EPOCHS))
    plain.mcdrl("run", "audit", "encode", "mine_regions")
    shutil.copytree(plain.folder, tmp_path / "study")
    plain.dvc("repro", CELL)

    ours = copy(plain)
    ours.folder = tmp_path / "study"
    with slurm_node(tmp_path / "slurm") as settings:
        environment = {**ours.environment, **settings}
        command = [
            sys.executable,
            "-c",
            "from mcdrl.cli import main; main()",
            "run",
            CELL,
            "--slurm",
            "--there",
            "train",
        ]
        run = subprocess.Popen([*command, "--minutes", "30", "--cpus", "1"], cwd=ours.folder, env=environment)
        interrupt(ours, environment)
        assert run.wait() == 0
    log = (ours.folder / ".dvc/tmp/run" / f"{CELL}.log").read_text(encoding="utf-8")
    assert log.count(f"Running stage '{CELL}'") == 2
    assert "continuing after epoch" in log
    assert trained(ours) == trained(plain)
