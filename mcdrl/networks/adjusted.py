"""A head's answer under a confounder, and the backdoor sum of such answers: sum_k P(k) P(Y|x, z_k)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mcdrl.networks.head import LEAST_PROBABILITY, Pyramid, Refine


class GivenConfounder(nn.Module):
    """What features become under z: scaled and shifted channel by channel, then refined."""

    def __init__(self, channels: int, width: int) -> None:
        """Make it for features of `channels` and z of `width` numbers."""
        super().__init__()
        self.scale, self.shift = nn.Linear(width, channels), nn.Linear(width, channels)
        self.refine = Refine(channels)

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """Return [B, channels, h, w] for features of that shape and z [B, width]."""
        moved = features * (1 + self.scale(z))[:, :, None, None] + self.shift(z)[:, :, None, None]
        return cast(Tensor, self.refine(moved))


def summed(head: Pyramid, given: GivenConfounder, merged: Tensor, share: Tensor, z: Tensor, size: torch.Size) -> Tensor:
    """Return the logits of sum_k P(k) P(Y|x, z_k), [B, 2, S, S]; that of background is zero.

    Args:
        head: gives the answer.
        given: what z does to what `head` has merged.
        merged: [B, channels, h, w] of `Pyramid.merged`.
        share: [B, K] float, P(k); rows sum to one.
        z: [B, K, Z] float.
        size: (S, S).
    """
    shares = share.clamp(min=LEAST_PROBABILITY).log()[..., None, None, None]  # [B, K, 1, 1, 1]
    answers = [
        weight + head.answer(given(merged, one), size).log_softmax(1)
        for weight, one in zip(shares.unbind(1), z.unbind(1), strict=True)
    ]
    logs = torch.stack(answers).logsumexp(0)
    return logs - logs[:, :1]
