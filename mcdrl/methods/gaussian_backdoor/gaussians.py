"""Confounders as several Gaussians: the prior, and a frame's posterior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from mcdrl.base.device import onto

Kind = Literal["learned", "random"]
_SMALL = 1e-6


@dataclass(frozen=True)
class Confounders:
    """One confounder of each Gaussian for each of B frames.

    Attributes:
        share: [B, K] float, how much each counts; rows sum to one.
        z: [B, K, Z] float.
        divergence: [B] float, KL of the frame's posterior from the prior; None where there is none.
    """

    share: Tensor
    z: Tensor
    divergence: Tensor | None = None


class Gaussians(nn.Module):
    """P(k) N(mu_k, sigma_k^2), and q(k|x) N(m_k(x), s_k(x)^2) of a frame's style x.

    - `learned`: both are fitted.
    - `random`: mu_k are drawn once, sigma_k is one, P(k) is even, and frames have no posterior.
    """

    mean: Tensor  # [K, Z]
    log_variance: Tensor  # [K, Z]
    prior_logits: Tensor  # [K]

    def __init__(self, style_width: int, *, count: int, width: int, kind: Kind) -> None:
        """Make K = `count` Gaussians of Z = `width` numbers for styles of `style_width` numbers."""
        super().__init__()
        self.count, self.width, self.kind = count, width, kind
        numbers = {"mean": torch.randn(count, width), "log_variance": torch.zeros(count, width)}
        for name, value in {**numbers, "prior_logits": torch.zeros(count)}.items():
            if kind == "learned":
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)
        if kind == "learned":
            self.posterior = nn.Sequential(nn.LayerNorm(style_width), nn.Linear(style_width, count * (2 * width + 1)))

    def prior(self, frames: int) -> Confounders:
        """Return the Gaussians' means, for each of B frames alike, with P(k)."""
        share = self.prior_logits.softmax(0).expand(frames, -1)
        return Confounders(share, self.mean.expand(frames, -1, -1))

    def drawn(self, style: Tensor) -> Confounders:
        """Return a confounder of each Gaussian, drawn from the frames' posteriors, or from the prior without any.

        Args:
            style: [B, style_width].
        """
        noise = onto(torch.randn(len(style), self.count, self.width), style.device)
        if self.kind == "random":
            prior = self.prior(len(style))
            return Confounders(prior.share, prior.z + noise)
        logits, mean, log_variance = self._of(style)
        # Whether numbers are legal isn't asked of the device in each step: the loss of those that aren't isn't finite.
        share, own = logits.softmax(1), Normal(mean, (log_variance / 2).exp(), validate_args=False)
        kinds = [Categorical(logits=numbers, validate_args=False) for numbers in (logits, self.prior_logits)]
        of_kind = kl_divergence(*kinds)
        scale = (self.log_variance / 2).exp()
        whole = Normal(self.mean.expand_as(mean), scale.expand_as(mean), validate_args=False)
        of_each = kl_divergence(Independent(own, 1, validate_args=False), Independent(whole, 1, validate_args=False))
        return Confounders(share, mean + own.scale * noise, of_kind + (share * of_each).sum(1))

    def _of(self, style: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits of q(k|x) [B, K], m_k(x) and 2 log s_k(x) [B, K, Z], near the Gaussians at first."""
        found = self.posterior(style).float().view(-1, self.count, 2 * self.width + 1)
        mean, log_variance = found[..., 1 : self.width + 1], found[..., self.width + 1 :].tanh()
        return found[..., 0], self.mean + mean, self.log_variance + log_variance


def style(maps: Mapping[str, Tensor]) -> Tensor:
    """Return mean and standard deviation over places of each channel of all maps, [B, 2 x channels], no gradients."""
    grids = [grid.detach().float().flatten(2) for grid in maps.values()]
    return torch.cat([torch.cat([grid.mean(2), grid.var(2, correction=0).add(_SMALL).sqrt()], 1) for grid in grids], 1)
