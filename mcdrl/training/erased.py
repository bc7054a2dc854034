"""Lesions erased: frames whose lesion is covered by tissue of their own; for networks that see pixels.

The cover is a patch of the same frame, of the lesion's shape and a little more, laid so that colours meet at its rim:
the differences there are spread smoothly over it, as in Poisson image editing (Perez et al., SIGGRAPH 2003), by a
pyramid of means instead of the equation. A seam would still tell that nothing is there. So each goes with another frame
that keeps its lesion and has a patch of the same shape laid beside it in the same way; where one of the two has no room
neither is touched.
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

_PLACES = 28  # along a side, between which patches are moved
_REACH = 20  # of these, how far a patch comes from at most, either way
_AROUND = 0.03  # what is covered around a lesion, as a share of the frame's side: masks end within its rim
_DARK, _BRIGHT = 0.1, 0.9  # of white: borders and lumen, from which nothing is taken; highlights
_COARSEST = 7  # px, the side at which the pyramid ends in a single mean


def with_erased_lesions(batch: Batch, share: float, seed: int) -> Batch:
    """Cover the lesions of some frames by tissue beside them, and lay as many patches beside the lesions of others.

    Frames whose lesion touches what nobody judged stay as they are, and so do those without room. Mined regions stay
    where they were.

    Args:
        batch: B frames with masks, no cached features.
        share: of the frames, how many lose their lesion at most, 0..0.5.
        seed: of what is drawn.
    """
    device, count = batch.frame.device, len(batch.frame)
    pairs, drawn = count // 2, torch.Generator().manual_seed(seed)
    wanted = min(int(share * count + Random(seed).random()), pairs)
    if not wanted:
        return batch
    steps = 2 * _REACH + 1
    order = onto(torch.randperm(count, generator=drawn)[: 2 * pairs], device)
    chances = onto(torch.rand(3, pairs, steps, steps, generator=drawn), device)
    lesion, dark = _grown(batch.lesion, _AROUND), batch.frame.amax(1) < _DARK
    odd = ~batch.judged | dark
    loses, keeps = order[:pairs], order[pairs:]
    cover = (lesion & (batch.lesion | ~dark))[loses]
    whole = ~(lesion & ~batch.judged)[loses].flatten(1).any(1)  # no part of it would stay in view
    beside, fits_beside = _free_place(cover, (lesion | odd)[keeps], chances[0])
    laid = _moved(cover[:, None], beside, inside=True)[:, 0]
    no_tissue = (lesion | odd)[order]
    no_tissue[pairs:] |= laid
    origin, fits = _free_place(torch.cat([cover, laid]), no_tissue, chances[1:].flatten(0, 1))
    done = whole & batch.lesion[keeps].flatten(1).any(1) & fits_beside & fits[:pairs] & fits[pairs:]
    first = done.int().argsort(descending=True, stable=True)[:wanted]
    both = torch.cat([first, first + pairs])
    changed, origin = order[both], origin[both]
    hole = torch.cat([cover, laid])[both] & done[first].repeat(2)[:, None, None]
    frame = batch.frame.index_put((changed,), _laid(batch.frame[changed], hole, (odd | lesion)[changed], origin))
    healthy = torch.zeros(count, dtype=torch.bool, device=device).index_put((loses[first],), done[first])
    mask = batch.mask.masked_fill(batch.lesion & healthy[:, None, None], 0)
    return without_class(replace(batch, frame=frame, mask=mask), healthy)


def _free_place(shape: Tensor, taken: Tensor, chances: Tensor) -> tuple[Tensor, Tensor]:
    """Return by how much a shape is to be moved so that it lies on nothing taken, and whether it can be.

    Args:
        shape: [B, S, S] bool; an empty one fits nowhere.
        taken: [B, S, S] bool; so is all beyond the frame.
        chances: [B, K, K], drawn; of the places that fit, the one with the highest is chosen.

    Returns:
        [B, 2] long, y and x in px, and [B] bool.
    """
    side = shape.shape[-1]
    grid = -(-side // _PLACES)
    beyond = (0, -side % grid) * 2
    coarse = F.max_pool2d(F.pad(shape[:, None].float(), beyond), grid)
    wide = F.pad(F.max_pool2d(F.pad(taken[:, None].float(), beyond, value=1.0), grid), (_REACH,) * 4, value=1.0)
    hits = F.conv2d(wide.transpose(0, 1), coarse, groups=len(shape))[0]
    fits = (hits == 0) & shape.any(2).any(1)[:, None, None]
    best = chances.where(fits, -torch.ones_like(chances)).flatten(1).argmax(1)
    steps = chances.shape[-1]
    place = (torch.stack([best // steps, best % steps], 1) - _REACH) * grid
    return place, fits.flatten(1).any(1)


def _laid(frame: Tensor, hole: Tensor, odd: Tensor, origin: Tensor) -> Tensor:
    """Return frames with tissue of theirs in holes, [B, 3, S, S] in 0..1.

    Args:
        frame: [B, 3, S, S] in 0..1.
        hole: [B, S, S] bool; empty: the frame stays as it is.
        odd: [B, S, S] bool, what is no healthy tissue.
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


def _moved(values: Tensor, by_px: Tensor, *, inside: bool = False) -> Tensor:
    """Return [B, C, S, S] moved by y and x, [B, 2] long in px.

    Args:
        values: to be moved.
        by_px: how far.
        inside: whether what comes from beyond is 0; else it repeats the frame's edge.
    """
    side = torch.arange(values.shape[-1], device=values.device)
    wanted = [side - by[:, None] for by in by_px.unbind(1)]
    y, x = (place.clamp(0, len(side) - 1) for place in wanted)
    rows = torch.arange(len(values), device=values.device)[:, None, None]
    moved: Tensor = values[rows, :, y[:, :, None], x[:, None, :]]
    if inside:
        down, across = (place == place.clamp(0, len(side) - 1) for place in wanted)
        moved = moved * (down[:, :, None] & across[:, None, :])[..., None]
    return moved.permute(0, 3, 1, 2)


def _grown(mask: Tensor, share: float) -> Tensor:
    """Return a mask, [B, S, S] bool, grown by a share of the side."""
    reach = max(round(share * mask.shape[-1]), 1)
    along_x = F.max_pool1d(mask.float(), 2 * reach + 1, stride=1, padding=reach).mT
    return F.max_pool1d(along_x, 2 * reach + 1, stride=1, padding=reach).mT > 0
