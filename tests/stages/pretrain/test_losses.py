"""The losses by hand."""

import math

import pytest
import torch

from stages.pretrain.losses import content_loss, context_loss, graded_loss, non_contrastive_loss, triplet_loss
from stages.pretrain.phrases import CONCEPTS

FIRST, SECOND = torch.eye(2)


def test_non_contrastive_loss_by_hand():
    """Two frames of two clusters by odds of three to one, and captions that agree or disagree with them."""
    frames = torch.log(torch.tensor([[3.0, 1], [1, 3]]))
    agreeing = 0.75 * math.log(4 / 3) + 0.25 * math.log(4)  # as their entropy: 0.562
    opposed = 0.25 * math.log(4 / 3) + 0.75 * math.log(4)
    for captions, agreement in ((frames, agreeing), (frames.flip(0), opposed)):
        expected = agreement + 0.5 * agreeing - math.log(2)
        assert non_contrastive_loss(frames, captions).item() == pytest.approx(expected, abs=1e-5)


def test_one_cluster_for_all_is_worse_than_several():
    spread = 9 * torch.eye(4)
    together = 9 * torch.eye(4)[:1].expand(4, -1)
    assert non_contrastive_loss(spread, spread) < non_contrastive_loss(together, together) - 1


def test_triplet_loss_of_one_pair_by_hand():
    """Frame and twin are each other's opposite; there is but one frame for a text to find."""
    nothing = torch.zeros(1, 2, dtype=torch.bool)
    found = triplet_loss(
        FIRST[None], FIRST[None], SECOND[None], SECOND[None], true=nothing, true_of_twin=nothing, temperature=0.5
    )
    assert found.item() == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-5)


def test_what_is_true_of_a_frame_besides_its_own_text_does_not_count():
    here, there = FIRST.expand(2, -1), SECOND.expand(2, -1)
    alike = torch.tensor([[True, True, False, False]]).expand(2, -1)
    found = triplet_loss(here, here, there, there, true=alike, true_of_twin=alike, temperature=1.0)
    assert found.item() == pytest.approx(math.log(math.e + 2) - 1, abs=1e-5)
    strict = torch.zeros_like(alike)
    more = triplet_loss(here, here, there, there, true=strict, true_of_twin=strict, temperature=1.0)
    assert more.item() == pytest.approx(math.log(2 * math.e + 2) - 1 + math.log(2), abs=1e-5)


def test_graded_loss_by_hand():
    """A frame with the first concept, to which the second is half alike; nobody has said anything yet."""
    presence = torch.zeros(1, len(CONCEPTS))
    presence[0, 0] = 1
    likeness = torch.eye(len(CONCEPTS))
    likeness[0, 1] = likeness[1, 0] = 0.5
    logits = torch.zeros(1, len(CONCEPTS))
    dense, confounders = math.log(2) + 0.25 * 6 / 7, math.log(2) + 0.25  # the second of seven is right
    plain, jittered = torch.tensor([True]), torch.tensor([False])
    assert graded_loss(logits, presence, likeness, plain).item() == pytest.approx(0.1 * dense + confounders, abs=1e-5)
    assert graded_loss(logits, presence, likeness, jittered).item() == pytest.approx(0.1 * dense, abs=1e-5)


def test_content_loss_by_hand():
    dense = torch.stack([FIRST, SECOND], dim=1)[None, :, None].expand(3, -1, -1, -1)  # one row of two places
    boxes = torch.tensor([[0, 0, 1, 2], [0, 1, 1, 1], [0, 0, 1, 1]])
    found = content_loss(dense, boxes, FIRST.expand(3, -1))
    assert found.item() == pytest.approx(((1 - 0.5**0.5) + 1 + 0) / 3, abs=1e-5)


def test_context_loss_by_hand():
    """Two places at right angles, of which the teacher says that they are alike: each row is off by one."""
    dense = torch.stack([FIRST, SECOND], dim=1)[None, :, None]
    alike = torch.tensor([[1.0, 2], [1, 2], [1, 2]])[None, :, None]
    assert context_loss(dense, alike).item() == pytest.approx(1, abs=1e-5)
    assert context_loss(dense, 5 * dense).item() == pytest.approx(0, abs=1e-5)
    assert context_loss(dense, torch.stack([FIRST, -FIRST], dim=1)[None, :, None]).item() == pytest.approx(1, abs=1e-5)
