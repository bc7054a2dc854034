import os
import subprocess
import sys

import pytest
import torch
from torch import nn

from mcdrl.clip.lite import LiteLowerBlocks
from mcdrl.clip.lite_trunk import LiteTrunk, imagenet_weights
from mcdrl.training.batch_statistics import batch_norms, taking_statistics
from tests import stub_sites
from tests.projects import ROOT


def test_it_takes_the_mean_over_all_batches_and_leaves_all_else_as_it_was():
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5)).eval()
    net[0].running_mean += 50
    generator = torch.Generator().manual_seed(0)
    passed = [torch.randn(4, 3, 5, 5, generator=generator) + shift for shift in (0.0, 1.0, 2.0)]
    with taking_statistics(batch_norms(net)):
        for batch in passed:
            net(batch)
    torch.testing.assert_close(net[0].running_mean, torch.stack([one.mean((0, 2, 3)) for one in passed]).mean(0))
    by_hand = torch.stack([one.transpose(0, 1).flatten(1).var(1) for one in passed]).mean(0)
    torch.testing.assert_close(net[0].running_var, by_hand)
    assert (net[0].momentum, net.training, net[0].training) == (0.1, False, False)


def test_an_error_inside_leaves_the_momentum_as_it_was():
    net = nn.BatchNorm2d(3).eval()
    with pytest.raises(KeyError), taking_statistics([net]):
        raise KeyError
    assert (net.momentum, net.training) == (0.1, False)


def test_encoders_that_keep_their_statistics_follow_no_batch():
    blocks = LiteLowerBlocks(LiteTrunk.load(imagenet_weights())).train()
    assert batch_norms(blocks)
    assert batch_norms(blocks, following=True) == []
    assert len(batch_norms(nn.Sequential(nn.BatchNorm2d(2), nn.ReLU()).train(), following=True)) == 1


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
