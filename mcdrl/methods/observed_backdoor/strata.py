"""P(z) of what was observed in training, as a few strata with their shares."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mcdrl.base.device import in_float32

_LEAST_SPREAD = 1e-3  # of a quantity that hardly varies, in its own unit


class Strata(nn.Module):
    """Centres of observed values and how common each is, learnt a batch at a time (MacQueen's k-means, 1967).

    A frame belongs to the nearest centre, and a centre is the mean of all frames that ever belonged to it. The first
    batch's frames that lie farthest from one another are where the centres start. Each quantity counts by how much it
    varies among the frames that were counted in. Of several processes, the first one's frames are.
    """

    centres: Tensor  # [K, Q]
    counts: Tensor  # [K]
    mean: Tensor  # [Q]
    squares: Tensor  # [Q], the sum of squared distances from the mean

    def __init__(self, count: int, width: int) -> None:
        """Make K = `count` strata of Q = `width` observed numbers; they are even, and all at zero, until they learn."""
        super().__init__()
        self.register_buffer("centres", torch.zeros(count, width))
        self.register_buffer("counts", torch.zeros(count))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("squares", torch.zeros(width))

    @property
    def shares(self) -> Tensor:
        """How common each stratum was, [K]; the sum is one."""
        total = self.counts.sum()
        even = torch.full_like(self.counts, 1 / len(self.counts))
        return torch.where(total > 0, self.counts / total.clamp(min=1), even)

    @torch.no_grad()
    def learn(self, observed: Tensor) -> None:
        """Count a batch, [B, Q] float32, in, and stay in float32 whatever autocast says.

        Nobody waits for the device, so it also works out where centres would start.
        """
        first = self.counts.sum() == 0
        self._measure(observed)
        self.centres.copy_(torch.where(first, self._apart(observed), self.centres))
        own = nn.functional.one_hot(self.nearest(observed), len(self.counts)).to(observed.dtype)  # [B, K]
        here = own.sum(0)
        self.counts += here
        with in_float32(observed.device):
            moved = own.t() @ observed - here[:, None] * self.centres
        self.centres += moved / self.counts.clamp(min=1)[:, None]

    def scaled(self, observed: Tensor) -> Tensor:
        """Return observed values, [..., Q], about zero mean and unit deviation over what was counted in."""
        spread = (self.squares / self.counts.sum().clamp(min=1)).sqrt().clamp(min=_LEAST_SPREAD)
        return (observed - self.mean) / spread

    def nearest(self, observed: Tensor) -> Tensor:
        """Return the stratum of each frame, [B] long."""
        return (self.scaled(observed)[:, None] - self.scaled(self.centres)).square().sum(2).argmin(1)

    def _measure(self, observed: Tensor) -> None:
        """Count a batch, [B, Q], into mean and squares (Chan et al., 1983)."""
        before, here = self.counts.sum(), len(observed)
        distance, share = observed.mean(0) - self.mean, here / (before + here)
        self.squares += (observed - observed.mean(0)).square().sum(0) + distance.square() * before * share
        self.mean += distance * share

    def _apart(self, observed: Tensor) -> Tensor:
        """Return K rows that lie far apart, [K, Q]: each the farthest from those before it, the first one first."""
        scaled, chosen = self.scaled(observed), [observed[0]]
        distance = (scaled - scaled[0]).square().sum(1)
        for _ in range(len(self.counts) - 1):
            chosen.append(observed.index_select(0, distance.argmax()[None])[0])
            distance = torch.minimum(distance, (scaled - self.scaled(chosen[-1])).square().sum(1))
        return torch.stack(chosen)
