"""Healthy views: frames with a lesion, seen from so near that none is in view; for networks that see pixels.

Near views alone would be healthy, so that nearness would tell what tissue should. So each goes with another frame that
is seen just as near with its lesion in view; where one of the two has no such view neither is touched.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.device import onto
from mcdrl.networks.interface import Batch
from mcdrl.networks.views import moved, placed

_TRIES = 32  # distances that are drawn for a pair, with a place for each of the two; without fitting ones both stay
_MARGIN = 0.1  # around a healthy view, as a share of its side, where no lesion is either
_INSIDE = 0.9  # of a view that has to be judged
_IN_VIEW = 0.5  # of a frame's lesion, or of the view, that a view with a lesion has to show


def with_healthy_views(
    batch: Batch, share: float, zoom: Sequence[float], seed: int, apart: Tensor | None = None
) -> Batch:
    """See some frames with a lesion from so near that none is in view, and as many others as near with theirs.

    Args:
        batch: B frames with masks, no cached features.
        share: of the frames, how many become healthy at most, 0..0.5.
        zoom: least and largest, drawn with even chances on a scale of logarithms.
        seed: of what is drawn.
        apart: [B] bool, frames that stay as they are; None: none of them has to.
    """
    device, count = batch.frame.device, len(batch.frame)
    pairs, drawn = count // 2, torch.Generator().manual_seed(seed)
    wanted = min(int(share * count + Random(seed).random()), pairs)
    if not wanted:
        return batch
    order = onto(torch.randperm(count, generator=drawn)[: 2 * pairs], device)
    low, high = map(math.log, zoom)
    near = (low + torch.rand(pairs, _TRIES, generator=drawn) * (high - low)).exp()
    reach = (1 - 1 / near)[..., None]  # the view stays in the frame
    middle = onto((2 * torch.rand(2, pairs, _TRIES, 2, generator=drawn) - 1) * reach, device)
    near, truth = onto(near, device), torch.stack([batch.lesion, batch.judged], 1)
    loses, keeps = order[:pairs], order[pairs:]
    with_lesion = batch.lesion.any(2).any(1)
    free = with_lesion if apart is None else with_lesion & ~apart
    fits = _fitting(truth[loses], near, middle[0], lesion=False) & _fitting(truth[keeps], near, middle[1], lesion=True)
    done, at = free[loses] & free[keeps] & fits.any(1), fits.int().argmax(1)
    first = done.int().argsort(descending=True, stable=True)[:wanted]
    changed, seen = torch.cat([loses[first], keeps[first]]), done[first].repeat(2)[:, None, None]
    views = _views(near[first, at[first]].repeat(2), middle[:, first, at[first]].flatten(0, 1))
    as_it_is = torch.eye(2, 3, device=device)
    views = as_it_is.repeat(count, 1, 1).index_put((changed,), views.where(seen, as_it_is))
    healthy = torch.zeros(count, dtype=torch.bool, device=device).index_put((loses[first],), done[first])
    return without_class(moved(batch, views), healthy)


def _fitting(truth: Tensor, near: Tensor, middle: Tensor, *, lesion: bool) -> Tensor:
    """Return which of N views of each of B frames show what they are to show, [B, N] bool.

    Args:
        truth: [B, 2, S, S] bool, lesion and judged.
        near: [B, N], zooms.
        middle: [B, N, 2], x and y, in half sides.
        lesion: whether one is to be in view; else none may be.
    """
    sums = F.pad(truth.int().cumsum(2, dtype=torch.int32).cumsum(3, dtype=torch.int32), (1, 0, 1, 0))
    lesion_px, judged_px = _inside(sums, middle, 1 / near)
    around_px, _ = _inside(sums, middle, (1 + 2 * _MARGIN) / near)
    view_px = (truth.shape[2] / near) ** 2
    enough_px = torch.minimum(sums[:, 0, -1, -1, None], view_px) * _IN_VIEW
    shown = lesion_px >= enough_px if lesion else around_px == 0
    return shown & (judged_px >= _INSIDE * view_px)


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


def without_class(batch: Batch, healthy: Tensor) -> Batch:
    """Return a batch in which some frames, [B] bool, have no class of lesion, as they show none."""
    held = None if batch.held is None else batch.held & ~healthy[:, None]
    return replace(batch, lesion_class=batch.lesion_class.masked_fill(healthy, -1), held=held)
