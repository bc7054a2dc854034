"""Frames varied at random with all that lies on them, for networks that have the pixels in the loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mcdrl.networks.interface import Batch
from mcdrl.networks.views import moved, placed

if TYPE_CHECKING:
    from kornia.augmentation import ColorJitter

_VIEW_SHARE, _COLOUR_SHARE = 0.875, 0.8  # of the frames
_ZOOM = (0.7, 1.45)  # drawn with even chances on a scale of logarithms
_TURN, _SHIFT, _STRETCH = 0.5, 0.15, 0.2  # at most: radians, half sides of the frame, logarithm
_COLOUR = (0.3, 0.3, 0.3, 0.05)  # brightness, contrast, saturation, hue


def augmented(batch: Batch, families: Sequence[str], seed: int) -> Batch:
    """Vary each frame of a batch as `seed` draws it.

    Args:
        batch: B frames, no cached features.
        families: what varies: viewpoint (distance, turn, place, stretch, mirrored or not), colour (brightness,
            contrast, saturation, hue).
        seed: of what is drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        views = _drawn_views(len(batch.frame)).to(batch.frame.device)
        if "viewpoint" in families:
            batch = moved(batch, views)
        if "colour" in families:
            batch = replace(batch, frame=_jitter()(batch.frame).clamp(0, 1))
    return batch


def _drawn_views(count: int) -> Tensor:
    def within(limit: float, *shape: int) -> Tensor:
        """Draw evenly between -limit and limit."""
        return (2 * torch.rand(count, *shape) - 1) * limit

    low, high = map(math.log, _ZOOM)
    views = placed(
        (low + torch.rand(count) * (high - low)).exp(), within(_TURN), within(_SHIFT, 2), within(_STRETCH).exp()
    )
    mirrored = 1 - 2 * torch.randint(2, (count, 1, 2)).float()
    views[:, :, :2] *= mirrored
    as_it_is = torch.eye(2, 3).expand_as(views)
    return torch.where(torch.rand(count, 1, 1) < _VIEW_SHARE, views, as_it_is)


@cache
def _jitter() -> ColorJitter:
    from kornia.augmentation import ColorJitter

    return ColorJitter(*_COLOUR, p=_COLOUR_SHARE)
