import pytest
import torch
from torch import nn

from mcdrl.clip.lite import LiteLowerBlocks
from mcdrl.clip.lite_trunk import LiteTrunk, imagenet_weights
from mcdrl.training.batch_statistics import batch_norms, taking_statistics


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
