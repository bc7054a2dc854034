"""Frames varied at random with all that lies on them, for networks that have the pixels in the loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mcdrl.base.device import onto
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.networks.interface import Batch
from mcdrl.networks.partners import partners
from mcdrl.networks.views import moved, placed
from mcdrl.study.sections.train import AugmentParams
from mcdrl.training.site_colours import recoloured

if TYPE_CHECKING:
    from kornia.augmentation import ColorJitter


def augmented(batch: Batch, families: Sequence[str], seed: int, params: AugmentParams) -> Batch:
    """Vary each frame of a batch as `seed` draws it.

    Args:
        batch: B frames, no cached features.
        families: what varies: viewpoint (distance, turn, place, stretch, mirrored or not), colour (brightness,
            contrast, saturation, hue), site_colours (mean and spread of colours become those of a frame of another
            site, where the batch has one).
        seed: of what is drawn.
        params: how far it varies.
    """
    with torch_seeded(seed):
        views = onto(_drawn_views(len(batch.frame), params), batch.frame.device)
        if "site_colours" in families and batch.site is not None:
            batch = replace(batch, frame=recoloured(batch.frame, _lenders(batch.site, params.site_colours_share)))
        if "viewpoint" in families:
            batch = moved(batch, views)
        if "colour" in families:
            batch = replace(batch, frame=_jitter(params)(batch.frame).clamp(0, 1))
    return batch


def _lenders(site: Tensor, share: float) -> Tensor:
    """Draw which frame lends each its colours, [B] long: one of another site, or in most cases itself."""
    drawn = onto(torch.rand(len(site)), site.device) < share
    return torch.where(drawn, partners(site), torch.arange(len(site), device=site.device))


def _drawn_views(count: int, params: AugmentParams) -> Tensor:
    def within(limit: float, *shape: int) -> Tensor:
        """Draw evenly between -limit and limit."""
        return (2 * torch.rand(count, *shape) - 1) * limit

    low, high = map(math.log, params.zoom)
    views = placed(
        (low + torch.rand(count) * (high - low)).exp(),
        within(params.turn),
        within(params.shift, 2),
        within(params.stretch).exp(),
    )
    mirrored = 1 - 2 * torch.randint(2, (count, 1, 2)).float()
    views[:, :, :2] *= mirrored
    as_it_is = torch.eye(2, 3).expand_as(views)
    return torch.where(torch.rand(count, 1, 1) < params.view_share, views, as_it_is)


def _jitter(params: AugmentParams) -> ColorJitter:
    return _made_jitter(
        (params.brightness, params.contrast, params.saturation, params.hue), params.colour_share
    )  # fmt: skip


@cache
def _made_jitter(ranges: tuple[float, float, float, float], share: float) -> ColorJitter:
    from kornia.augmentation import ColorJitter

    return ColorJitter(*ranges, p=share)
