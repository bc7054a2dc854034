"""P(z) of what was observed in training, as a few strata with their shares."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Strata(nn.Module):
    """Centres of observed values and how common each is, learnt a batch at a time (MacQueen's k-means, 1967).

    A frame belongs to the nearest centre, and a centre is the mean of all frames that ever belonged to it. The first
    batch's frames that lie farthest from one another are where the centres start.
    """

    centres: Tensor  # [K, Q]
    counts: Tensor  # [K]

    def __init__(self, count: int, width: int) -> None:
        """Make K = `count` strata of Q = `width` observed numbers; they are even, and all at zero, until they learn."""
        super().__init__()
        self.register_buffer("centres", torch.zeros(count, width))
        self.register_buffer("counts", torch.zeros(count))

    @property
    def shares(self) -> Tensor:
        """How common each stratum was, [K]; the sum is one."""
        total = self.counts.sum()
        even = torch.full_like(self.counts, 1 / len(self.counts))
        return torch.where(total > 0, self.counts / total.clamp(min=1), even)

    @torch.no_grad()
    def learn(self, observed: Tensor) -> None:
        """Count a batch, [B, Q], in; nobody waits for the device, so it also works out where centres would start."""
        first = self.counts.sum() == 0
        self.centres.copy_(torch.where(first, _apart(observed, len(self.counts)), self.centres))
        own = nn.functional.one_hot(self.nearest(observed), len(self.counts)).to(observed.dtype)  # [B, K]
        here = own.sum(0)
        self.counts += here
        moved = own.t() @ observed - here[:, None] * self.centres
        self.centres += moved / self.counts.clamp(min=1)[:, None]

    def nearest(self, observed: Tensor) -> Tensor:
        """Return the stratum of each frame, [B] long."""
        return (observed[:, None] - self.centres).square().sum(2).argmin(1)


def _apart(observed: Tensor, count: int) -> Tensor:
    """Return rows that lie far apart, [count, Q]: each the farthest from those before it, the first one first."""
    chosen = [observed[0]]
    distance = (observed - chosen[0]).square().sum(1)
    for _ in range(count - 1):
        chosen.append(observed.index_select(0, distance.argmax()[None])[0])
        distance = torch.minimum(distance, (observed - chosen[-1]).square().sum(1))
    return torch.stack(chosen)
