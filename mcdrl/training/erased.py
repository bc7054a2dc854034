"""Lesions erased: frames whose lesion is covered by tissue of their own; for networks that see pixels.

The cover is a patch of the same frame, of the lesion's shape and a little more, laid so that colours meet at its rim:
the differences there are spread smoothly over it, as in Poisson image editing (Perez et al., SIGGRAPH 2003), by a
pyramid of means instead of the equation. A seam would still tell that nothing is there. So as many other frames keep
their lesion, and have a patch of another frame's lesion's shape laid beside it in the same way.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.device import onto
from mcdrl.networks.interface import Batch
from mcdrl.training.healthy import without_class

_GRID = 8  # px; patches are moved by steps of so many
_REACH = 20  # steps, how far a patch comes from at most, either way
_AROUND = 0.03  # what is covered around a lesion, as a share of the frame's side: masks end within its rim
_DARK, _BRIGHT = 0.1, 0.9  # of white: borders and lumen, from which nothing is taken; highlights
_COARSEST = 7  # px, the side at which the pyramid ends in a single mean


def with_erased_lesions(batch: Batch, share: float, seed: int) -> Batch:
    """Cover the lesions of some frames by tissue beside them, and lay as many patches beside the lesions of others.

    Frames without room for a patch stay as they are.

    Args:
        batch: B frames with masks, no cached features.
        share: of the frames with a lesion that lose it, 0..0.5.
        seed: of what is drawn.
    """
    device, count, steps = batch.frame.device, len(batch.frame), 2 * _REACH + 1
    each = min(int(share * count + Random(seed).random()), count // 2)
    if not each:
        return batch
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn, chances = torch.randperm(count)[: 2 * each], torch.rand(2, 2 * each, steps, steps)
    chosen, chances = onto(drawn, device), onto(chances, device)
    keeps = torch.arange(2 * each, device=device) >= each
    lesion = _grown(batch.lesion, _AROUND)
    lent = lesion.roll(1, 0)[chosen]  # what is laid beside a lesion has the shape of another frame's
    frame, own, has_lesion = batch.frame[chosen], lesion[chosen], batch.lesion[chosen].any(2).any(1)
    odd = ~batch.judged[chosen] | (frame.amax(1) < _DARK)
    place, beside = _free_place(lent, own | odd, chances[0])
    hole = torch.where(keeps[:, None, None], _moved(lent[:, None], place)[:, 0], own)
    origin, found = _free_place(hole, own | odd | hole, chances[1])
    done = has_lesion & found & (beside | ~keeps)
    hole &= done[:, None, None]
    healthy = torch.zeros(count, dtype=torch.bool, device=device).index_put((chosen,), done & ~keeps)
    changed = replace(
        batch,
        frame=batch.frame.index_put((chosen,), _laid(frame, hole, odd, origin)),
        mask=batch.mask.masked_fill(batch.lesion & healthy[:, None, None], 0),
    )
    return without_class(changed, healthy)


def _free_place(shape: Tensor, taken: Tensor, chances: Tensor) -> tuple[Tensor, Tensor]:
    """Return by how much a shape is to be moved so that it lies on nothing taken, and whether it can be.

    Args:
        shape: [B, S, S] bool; an empty one fits nowhere.
        taken: [B, S, S] bool; so is all beyond the frame.
        chances: [B, K, K], drawn; of the places that fit, the one with the highest is chosen.

    Returns:
        [B, 2] long, y and x in px, and [B] bool.
    """
    coarse = F.max_pool2d(torch.stack([shape, taken], 1).float(), _GRID, ceil_mode=True)
    wide = F.pad(coarse[:, 1], (_REACH,) * 4, value=1.0)
    hits = F.conv2d(wide[None], coarse[:, :1], groups=len(shape))[0]
    fits = (hits == 0) & shape.any(2).any(1)[:, None, None]
    best = chances.where(fits, -torch.ones_like(chances)).flatten(1).argmax(1)
    steps = chances.shape[-1]
    place = (torch.stack([best // steps, best % steps], 1) - _REACH) * _GRID
    return place, fits.flatten(1).any(1)


def _laid(frame: Tensor, hole: Tensor, odd: Tensor, origin: Tensor) -> Tensor:
    """Return frames with tissue of theirs in holes, [B, 3, S, S] in 0..1.

    Args:
        frame: [B, 3, S, S] in 0..1.
        hole: [B, S, S] bool; empty: the frame stays as it is.
        odd: [B, S, S] bool, what is no tissue.
        origin: [B, 2] long, where the tissue lies, from the hole, in px.
    """
    highlight = frame.amin(1) > _BRIGHT
    no_tissue = torch.ones_like(frame[:, :1]).where((odd | highlight)[:, None], torch.zeros_like(frame[:, :1]))
    there = _moved(torch.cat([frame, no_tissue], 1), -origin)
    known = ~hole[:, None] & (no_tissue == 0) & (there[:, 3:] == 0)
    patch = there[:, :3] + _spread(frame - there[:, :3], known.float())
    return patch.clamp(0, 1).where(hole[:, None], frame)


def _spread(values: Tensor, known: Tensor) -> Tensor:
    """Return values, [B, C, S, S], with those that aren't known, [B, 1, S, S] of 0..1, filled in smoothly."""
    weight = F.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
    pooled = F.avg_pool2d(values * known, 2, ceil_mode=True, count_include_pad=False)
    coarse = pooled / weight.clamp(min=1e-6)
    if coarse.shape[-1] > _COARSEST:
        coarse = _spread(coarse, (4 * weight).clamp(max=1))
    else:
        total = weight.sum((2, 3), keepdim=True).clamp(min=1e-6)
        coarse = ((coarse * weight).sum((2, 3), keepdim=True) / total).expand_as(coarse)
    wide = F.interpolate(coarse, values.shape[-2:], mode="bilinear", align_corners=False)
    return values * known + wide * (1 - known)


def _moved(values: Tensor, by_px: Tensor) -> Tensor:
    """Return [B, C, S, S] moved by y and x, [B, 2] long in px; what comes from beyond repeats the frame's edge."""
    side = torch.arange(values.shape[-1], device=values.device)
    y, x = ((side - by[:, None]).clamp(0, len(side) - 1) for by in by_px.unbind(1))
    rows = torch.arange(len(values), device=values.device)[:, None, None]
    moved: Tensor = values[rows, :, y[:, :, None], x[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def _grown(mask: Tensor, share: float) -> Tensor:
    """Return a mask, [B, S, S] bool, grown by a share of the side."""
    reach = max(round(share * mask.shape[-1]), 1)
    along_x = F.max_pool1d(mask.float(), 2 * reach + 1, stride=1, padding=reach).mT
    return F.max_pool1d(along_x, 2 * reach + 1, stride=1, padding=reach).mT > 0
