"""Augmentation of frames with all that lies on them, for networks that have the pixels in the loop."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from stages.core.networks.interface import Batch

if TYPE_CHECKING:
    from kornia.augmentation import AugmentationSequential

_SHARE = 0.8  # of the frames, for each of the two kinds
_TURN_DEG, _SHIFT, _SCALE = 20.0, (0.1, 0.1), (0.8, 1.25)
_COLOUR = (0.3, 0.3, 0.3, 0.05)  # brightness, contrast, saturation, hue


def augmented(batch: Batch, seed: int) -> Batch:
    """Turn, move, scale and recolour each frame of a batch as `seed` draws it.

    Frame, mask and similarity are moved alike; what comes in from outside is black, no lesion and never mined. The
    selection is made anew: as many places as before, those of largest similarity.

    Args:
        batch: B frames, no cached features.
        seed: of what is drawn.
    """
    lying = torch.stack([batch.mask.float(), _enlarged(batch), torch.ones_like(batch.frame[:, 0])], 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        frame, lying = _sequence()(batch.frame, lying)
    places = (batch.similarity.shape[-2], batch.similarity.shape[-1])
    inside = F.adaptive_avg_pool2d(lying[:, 2:], places)[:, 0]
    similarity = F.adaptive_avg_pool2d(lying[:, 1:2], places)[:, 0] / inside.clamp(min=0.5)
    similarity = similarity.masked_fill(inside < 0.5, -1.0)  # a cosine is never less
    return replace(
        batch,
        frame=frame.clamp(0, 1),
        mask=lying[:, 0].round().long(),
        similarity=similarity,
        selected=_best(similarity, batch.selected),
    )


@cache
def _sequence() -> AugmentationSequential:
    from kornia.augmentation import AugmentationSequential, ColorJitter, RandomAffine

    affine = RandomAffine(_TURN_DEG, _SHIFT, _SCALE, p=_SHARE)
    return AugmentationSequential(affine, ColorJitter(*_COLOUR, p=_SHARE), data_keys=["input", "mask"])


def _enlarged(batch: Batch) -> Tensor:
    similarity = batch.similarity.unsqueeze(1)
    return F.interpolate(similarity, batch.frame.shape[-2:], mode="nearest")[:, 0]


def _best(similarity: Tensor, selected: Tensor) -> Tensor:
    """Return as many places of largest similarity as `selected` has, [B, H, W] bool."""
    count = int(selected[0].sum())
    best = similarity.flatten(1).topk(count).indices
    chosen = torch.zeros_like(selected.flatten(1)).scatter(1, best, True)
    return chosen.view_as(selected)
