"""What several processes must have in common."""

import os
import subprocess
import sys

import pytest
import torch

from tests import stub_sites
from tests.projects import ROOT


@pytest.mark.slow
def test_all_processes_validate_the_same_network(tmp_path):
    """Running statistics follow each process's own frames; those of the first one are kept, so they are judged."""
    stub_sites.write_study(tmp_path / "artifacts")
    command = [sys.executable, "-m", "tests.training.two_processes", tmp_path / "artifacts", tmp_path]
    more = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MCDRL_ACCELERATOR": "cpu", "MCDRL_DEVICES": "2"}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **more}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    one, other = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert len(one["seen"]) > 2  # an epoch's, its check's and the average's
    assert any("running_mean" in name for name in one["seen"][0])
    for ours, theirs in zip(one["seen"], other["seen"], strict=True):
        for name, value in ours.items():
            assert torch.equal(value, theirs[name]), name
    for found in (one, other):
        assert found["mean"]["running_mean"].tolist() == [0.5, 0.5]
        assert found["mean"]["running_var"].tolist() == [1.5, 1.5]
