"""Healthy views: frames with a lesion, seen from so near that none is in view; for networks that see pixels.

Near views alone would be healthy, so that nearness would tell what tissue shouldn't. So as many other frames are seen
just as near with their lesion in view.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.device import onto
from mcdrl.networks.interface import Batch
from mcdrl.networks.views import moved, placed

_TRIES = 32  # places that are drawn for a view; a frame without a fitting one stays as it is
_MARGIN = 0.1  # around a healthy view, as a share of its side, where no lesion is either
_INSIDE = 0.9  # of a view that has to be judged
_IN_VIEW = 0.5  # of a frame's lesion, or of the view, that a view with a lesion has to show


def with_healthy_views(batch: Batch, share: float, zoom: Sequence[float], seed: int) -> Batch:
    """See some frames with a lesion from near: a share of them without it, as many others with it.

    Args:
        batch: B frames with masks, no cached features.
        share: of the frames with a lesion that become healthy, 0..0.5.
        zoom: least and largest, drawn with even chances on a scale of logarithms.
        seed: of what is drawn.
    """
    device = batch.frame.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        draw = torch.rand(len(batch.frame))
        low, high = map(math.log, zoom)
        near = (low + torch.rand(len(draw), _TRIES) * (high - low)).exp()
        middle = (2 * torch.rand(len(draw), _TRIES, 2) - 1) * (1 - 1 / near)[..., None]  # the view stays in the frame
    draw, near, middle = (onto(drawn, device) for drawn in (draw, near, middle))
    with_lesion = batch.lesion.any(2).any(1)
    healthy, companion = with_lesion & (draw < share), with_lesion & (draw >= 1 - share)
    fits = _fitting(torch.stack([batch.lesion, batch.judged], 1), near, middle, wanted=companion)
    changed, first = (healthy | companion) & fits.any(1), fits.int().argmax(1)
    rows = torch.arange(len(draw), device=device)
    views = torch.where(changed[:, None, None], _views(near[rows, first], middle[rows, first]), _as_it_is(device))
    return without_class(moved(batch, views), healthy & changed)


def _fitting(truth: Tensor, near: Tensor, middle: Tensor, *, wanted: Tensor) -> Tensor:
    """Return which of N views of each of B frames show what they are to show, [B, N] bool.

    Args:
        truth: [B, 2, S, S] bool, lesion and judged.
        near: [B, N], zooms.
        middle: [B, N, 2], x and y, in half sides.
        wanted: [B] bool, whether a lesion is to be in view.
    """
    sums = F.pad(truth.int().cumsum(2, dtype=torch.int32).cumsum(3, dtype=torch.int32), (1, 0, 1, 0))
    lesion, judged = _inside(sums, middle, 1 / near)
    around, _ = _inside(sums, middle, (1 + 2 * _MARGIN) / near)
    view_px = (truth.shape[2] / near) ** 2
    enough = torch.minimum(sums[:, 0, -1, -1, None], view_px) * _IN_VIEW
    return torch.where(wanted[:, None], lesion >= enough, around == 0) & (judged >= _INSIDE * view_px)


def _inside(sums: Tensor, middle: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """Return lesion and judged pixels in squares, [B, N] each, by the sums over all pixels above and left of a corner.

    Args:
        sums: [B, 2, S + 1, S + 1].
        middle: [B, N, 2], x and y, in half sides of the frame.
        half: [B, N], of the squares' sides, likewise.
    """
    side = sums.shape[2] - 1
    low = ((middle - half[..., None] + 1) / 2 * side).floor().clamp(0, side).long()
    high = ((middle + half[..., None] + 1) / 2 * side).ceil().clamp(0, side).long()
    (left, top), (right, bottom) = low.unbind(2), high.unbind(2)

    def up_to(y: Tensor, x: Tensor) -> Tensor:
        """Return the sums at corners, [B, 2, N]."""
        place = y * (side + 1) + x
        return sums.flatten(2).gather(2, place[:, None].expand(-1, 2, -1))

    lesion, judged = (up_to(bottom, right) - up_to(top, right) - up_to(bottom, left) + up_to(top, left)).unbind(1)
    return lesion, judged


def _views(near: Tensor, middle: Tensor) -> Tensor:
    """Return where views look, [B, 2, 3]."""
    return placed(near, torch.zeros_like(near), middle, torch.ones_like(near))


def _as_it_is(device: torch.device) -> Tensor:
    return torch.eye(2, 3, device=device)


def without_class(batch: Batch, healthy: Tensor) -> Batch:
    """Return a batch in which some frames, [B] bool, have no class of lesion, as they show none."""
    held = None if batch.held is None else batch.held & ~healthy[:, None]
    return replace(batch, lesion_class=batch.lesion_class.masked_fill(healthy, -1), held=held)
