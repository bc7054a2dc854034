"""The losses by hand."""

import math

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from mcdrl.clip.encoder import unit
from stages.pretrain.losses import (
    content_loss,
    context_loss,
    covariance_loss,
    graded_loss,
    non_contrastive_loss,
    transport_loss,
    transport_plan,
    triplet_loss,
    unpaired_loss,
    variance_loss,
)
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


def test_the_transport_between_two_places_by_hand():
    """Half of the weight each; staying costs nothing, and moving is dearer the less entropy is wanted."""
    cost = torch.tensor([[[0.0, 1], [1, 0]]])
    for entropy in (0.2, 1.0):
        stays = 0.5 / (1 + math.exp(-1 / entropy))
        expected = torch.tensor([[[stays, 0.5 - stays], [0.5 - stays, stays]]])
        torch.testing.assert_close(transport_plan(cost, entropy, 5), expected, atol=1e-5, rtol=0)


def test_the_transport_gives_every_place_its_weight_and_little_entropy_the_cheapest_pairs():
    cost = torch.rand(3, 6, 6, generator=torch.Generator().manual_seed(0))
    plan = transport_plan(cost, 0.02, 400)
    torch.testing.assert_close(plan.sum(1), torch.full((3, 6), 1 / 6))
    torch.testing.assert_close(plan.sum(2), torch.full((3, 6), 1 / 6), atol=1e-3, rtol=0)
    for one, own in zip(cost, plan, strict=True):
        rows, columns = linear_sum_assignment(one.numpy())
        assert float((one * own).sum()) == pytest.approx(float(one[rows, columns].mean()), abs=0.02)


def test_where_places_are_makes_no_difference_to_the_transport_but_what_they_show_does():
    generator = torch.Generator().manual_seed(0)
    one, other = (unit(torch.randn(2, 8, 5, generator=generator), dim=1) for _ in range(2))
    moved = one[:, :, torch.tensor([3, 0, 4, 1, 2])]
    same, turned, different = (transport_loss(one, view).item() for view in (one, moved, other))
    assert turned == pytest.approx(same, abs=1e-3)
    assert different > same + 0.1


def test_one_vector_for_all_places_is_worse_than_several():
    several = torch.eye(8)[None].repeat(2, 1, 1)
    alike = several[:, :, :1].expand(-1, -1, 8)
    assert transport_loss(alike, alike) > transport_loss(several, several) + 0.5


def test_the_transport_s_gradient_is_that_of_its_value():
    """At the optimum, what the plan would change by counts for nothing: shown by finite differences of the whole."""
    cost = torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def value(cost):
        plan = transport_plan(cost, 0.1, 500)
        return (plan * cost).sum() + 0.1 * (plan * plan.log()).sum()

    plan, step = transport_plan(cost, 0.1, 500), 1e-5
    for row, column in ((0, 0), (2, 3)):
        nudge = torch.zeros_like(cost)
        nudge[0, row, column] = step
        slope = (value(cost + nudge) - value(cost - nudge)) / (2 * step)
        assert slope.item() == pytest.approx(plan[0, row, column].item(), abs=1e-4)


def test_variance_and_covariance_by_hand():
    vectors = torch.tensor([[0.0, 1], [2, 1], [1, 1]])  # deviations 1 and 0
    assert variance_loss(vectors).item() == pytest.approx(0.5)
    assert covariance_loss(vectors).item() == pytest.approx(0)
    together = torch.tensor([[0.0, 0], [2, 4], [1, 2]])  # covariance 2
    assert covariance_loss(together).item() == pytest.approx((2 * 2**2) / 2)


def test_unpaired_loss_by_hand():
    reports = torch.stack([FIRST, SECOND]).requires_grad_()
    predicted = torch.stack([2 * FIRST, FIRST + SECOND]).requires_grad_()
    found = unpaired_loss(predicted, reports, torch.tensor([0, 1]))
    assert found.item() == pytest.approx((1 - 0.5**0.5) / 2, abs=1e-5)
    found.backward()
    assert predicted.grad.abs().sum() > 0
    assert reports.grad is None


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
