"""Which frame of a batch lends another one its look."""

from __future__ import annotations

import torch
from torch import Tensor

from mcdrl.base.device import onto


def partners(site: Tensor) -> Tensor:
    """Return for each frame another one of another site, drawn by torch's random state; itself where there is none.

    Args:
        site: [B] long.

    Returns:
        [B] long.
    """
    foreign = site[:, None] != site[None, :]
    scores = onto(torch.rand(foreign.shape), site.device).masked_fill(~foreign, -1.0)
    alone = torch.arange(len(site), device=site.device)
    return torch.where(foreign.any(1), scores.argmax(1), alone)
