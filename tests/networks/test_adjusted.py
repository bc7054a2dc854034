"""Answers under confounders and their sum, against numbers worked out by hand."""

import torch

from mcdrl.networks import factory
from mcdrl.networks.adjusted import GivenConfounder, summed
from tests.factories import make_spec


def test_a_confounder_scales_and_shifts_each_channel():
    torch.manual_seed(0)
    given, features, z = GivenConfounder(8, 3), torch.randn(2, 8, 4, 4), torch.randn(2, 3)
    given.refine = torch.nn.Identity()
    expected = features * (1 + given.scale(z)).view(2, 8, 1, 1) + given.shift(z).view(2, 8, 1, 1)
    torch.testing.assert_close(given(features, z), expected)


def _parts():
    torch.manual_seed(0)
    head = factory.head(make_spec()).eval()
    given = GivenConfounder(head.channels, 3)
    return head, given, torch.randn(2, head.channels, 8, 8)


def test_the_sum_is_over_probabilities():
    head, given, merged = _parts()
    z, share, size = torch.randn(2, 3, 3), torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]), torch.Size((32, 32))
    each = torch.stack([head.answer(given(merged, z[:, k]), size).softmax(1) for k in range(3)], 1)
    expected = (share[..., None, None, None] * each).sum(1)
    found = summed(head, given, merged, share, z, size)
    torch.testing.assert_close(found.softmax(1), expected, rtol=1e-4, atol=1e-5)
    assert not found[:, 0].any()


def test_one_confounder_is_its_answer():
    head, given, merged = _parts()
    z, size = torch.randn(2, 1, 3), torch.Size((32, 32))
    found = summed(head, given, merged, torch.ones(2, 1), z, size)
    torch.testing.assert_close(found, head.answer(given(merged, z[:, 0]), size), rtol=1e-4, atol=1e-5)
