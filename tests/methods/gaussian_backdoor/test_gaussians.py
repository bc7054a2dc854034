"""Gaussians and their divergence, against numbers worked out by hand."""

import math

import pytest
import torch

from mcdrl.methods.gaussian_backdoor.gaussians import Gaussians, style


def _gaussians(kind="learned", count=2, width=3):
    torch.manual_seed(0)
    return Gaussians(5, count=count, width=width, kind=kind)


def _told(gaussians, logits, mean, log_variance):
    """Let the posterior of every frame be what is given, beside the prior."""
    last = gaussians.posterior[1]
    torch.nn.init.zeros_(last.weight)
    rows = [torch.cat([torch.tensor([one]), mean, log_variance]) for one in logits]
    last.bias.data = torch.cat(rows)


def test_the_divergence_by_hand():
    gaussians = _gaussians()
    gaussians.prior_logits.data = torch.tensor([0.0, math.log(3)])  # 1/4, 3/4
    _told(gaussians, [0.0, 0.0], mean=torch.tensor([2.0, 0, 0]), log_variance=torch.zeros(3))
    found = gaussians.drawn(torch.randn(4, 5))
    of_kind = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    torch.testing.assert_close(found.divergence, torch.full((4,), of_kind + 2.0))  # two deviations: 2^2 / 2
    torch.testing.assert_close(found.share, torch.full((4, 2), 0.5))


def test_a_posterior_that_is_the_prior_does_not_diverge():
    gaussians = _gaussians()
    _told(gaussians, [0.0, 0.0], mean=torch.zeros(3), log_variance=torch.zeros(3))
    torch.testing.assert_close(gaussians.drawn(torch.randn(4, 5)).divergence, torch.zeros(4))


def test_what_is_drawn_lies_around_the_posterior_s_means():
    gaussians = _gaussians()
    _told(gaussians, [1.0, 0.0], mean=torch.tensor([3.0, 0, 0]), log_variance=torch.tensor([-9.0, 0, 0]))
    torch.manual_seed(0)
    z = gaussians.drawn(torch.zeros(20000, 5)).z
    torch.testing.assert_close(z.mean(0) - gaussians.mean, torch.tensor([[3.0, 0, 0]] * 2), rtol=0, atol=0.03)
    deviation = math.exp(math.tanh(-9.0) / 2)
    torch.testing.assert_close(z.std(0), torch.tensor([[deviation, 1, 1]] * 2), rtol=0, atol=0.03)


def test_the_prior_that_fits_best_is_the_mean_of_the_posteriors():
    gaussians = _gaussians()
    styles = torch.randn(64, 5, generator=torch.Generator().manual_seed(1))
    optimiser = torch.optim.LBFGS([gaussians.prior_logits], max_iter=50)

    def divergence():
        optimiser.zero_grad()
        total = gaussians.drawn(styles).divergence.mean()
        total.backward()
        return total

    optimiser.step(divergence)
    expected = gaussians.drawn(styles).share.mean(0)
    torch.testing.assert_close(gaussians.prior(1).share[0], expected, rtol=1e-3, atol=1e-3)


def test_the_placebo_has_even_shares_no_weights_and_no_frame_a_say():
    gaussians = _gaussians("random")
    assert not list(gaussians.parameters())
    torch.manual_seed(1)
    one = gaussians.drawn(torch.zeros(4, 5))
    torch.manual_seed(1)
    other = gaussians.drawn(torch.randn(4, 5, generator=torch.Generator().manual_seed(2)))
    assert one.divergence is None
    assert torch.equal(one.z, other.z)
    torch.testing.assert_close(one.share, torch.full((4, 2), 0.5))
    torch.testing.assert_close(gaussians.prior(1).z[0], gaussians.mean)


@pytest.mark.parametrize("kind", ["learned", "random"])
def test_at_prediction_all_frames_have_the_prior(kind):
    gaussians = _gaussians(kind)
    found = gaussians.prior(3)
    torch.testing.assert_close(found.share, torch.full((3, 2), 0.5))
    assert all(torch.equal(z, gaussians.mean) for z in found.z)


def test_style_is_mean_and_deviation_by_hand_and_sends_nothing_back():
    grid = torch.tensor([[-1.0, 1.0], [6.0, 14.0]]).view(1, 2, 1, 2).requires_grad_()
    found = style({"s4": grid, "s8": grid})
    torch.testing.assert_close(found, torch.tensor([[0.0, 10, 1, 4] * 2]), rtol=1e-5, atol=1e-5)
    assert not found.requires_grad
