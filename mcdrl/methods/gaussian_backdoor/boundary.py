"""The loss at boundaries that heeds uncertainty."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.networks.interface import Batch


def boundary_uncertainty(logits: Tensor, batch: Batch, *, radius: int) -> Tensor:
    """Return the mean over frames of the cross-entropy at boundaries, each pixel weighed by 1 + its uncertainty.

    Uncertainty is the entropy of the answer, of at most one, and has no gradient. A frame without a boundary counts
    zero.

    Args:
        logits: [B, 2, S, S] float.
        batch: with the masks.
        radius: as that of `boundary`.
    """
    there = boundary(batch, radius).to(logits.dtype)
    truth = batch.lesion.long()
    entropy = F.cross_entropy(logits, torch.stack([1 - truth, truth], 1).to(logits.dtype), reduction="none")
    weight = there * (1 + uncertainty(logits.detach()))
    return ((weight * entropy).flatten(1).sum(1) / there.flatten(1).sum(1).clamp(min=1)).mean()


def boundary(batch: Batch, radius: int) -> Tensor:
    """Return where both lesion and background are within `radius` px along each axis, [B, S, S] bool.

    Pixels that nobody judged are neither, and lie on no boundary.
    """
    sides = torch.stack([batch.lesion, batch.judged & ~batch.lesion], 1).to(batch.frame.dtype)
    near = F.max_pool2d(sides, 2 * radius + 1, stride=1, padding=radius) > 0
    return near.all(1) & batch.judged


def uncertainty(logits: Tensor) -> Tensor:
    """Return the entropy of the answers, [B, S, S] in 0..1, for logits [B, 2, S, S]."""
    logs = logits.log_softmax(1)
    return -(logs.exp() * logs).sum(1) / math.log(2)
