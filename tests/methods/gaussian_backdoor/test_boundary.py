"""The loss at boundaries, against numbers worked out by hand."""

import math
from dataclasses import replace

import pytest
import torch

from mcdrl.methods.gaussian_backdoor.boundary import boundary, boundary_uncertainty, uncertainty
from tests import stub_sites


def _batch(*rows):
    mask = torch.tensor([rows])
    frame = torch.zeros(1, 3, *mask.shape[1:])
    return replace(stub_sites.batch(1), frame=frame, mask=mask)


@pytest.mark.parametrize(("row", "radius", "expected"), [
    ([0, 0, 0, 1, 1, 1], 1, [0, 0, 1, 1, 0, 0]),
    ([0, 0, 0, 1, 1, 1], 2, [0, 1, 1, 1, 1, 0]),
    ([0, 0, 255, 1, 1, 1], 1, [0, 0, 0, 0, 0, 0]),  # nobody knows where it ends
    ([0, 0, 255, 1, 1, 1], 2, [0, 1, 0, 1, 0, 0]),
    ([1, 1, 1, 1, 1, 1], 2, [0, 0, 0, 0, 0, 0]),  # it ends outside the frame
])  # fmt: skip
def test_a_boundary_has_both_sides_near_it(row, radius, expected):
    assert boundary(_batch(row), radius)[0, 0].tolist() == [bool(one) for one in expected]


def test_uncertainty_is_the_entropy_in_bits():
    logits = torch.tensor([[0.0, 0.0, math.log(3.0)], [0.0, 50.0, 0.0]]).view(1, 2, 1, 3)
    quarter = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    torch.testing.assert_close(uncertainty(logits)[0, 0], torch.tensor([1.0, 0.0, quarter]), rtol=0, atol=1e-5)


def test_the_loss_by_hand():
    batch = _batch([0, 0, 1, 1])
    logits = torch.zeros(1, 2, 1, 4)
    logits[0, 0, 0, 1] = math.log(3.0)  # lesion with one quarter, where there is none
    quarter = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    expected = ((1 + quarter) * -math.log(0.75) + 2 * math.log(2)) / 2
    torch.testing.assert_close(boundary_uncertainty(logits, batch, radius=1), torch.tensor(expected))


def test_a_frame_without_a_boundary_counts_zero():
    assert boundary_uncertainty(torch.randn(1, 2, 1, 4), _batch([0, 0, 0, 0]), radius=1) == 0
