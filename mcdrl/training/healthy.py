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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        draw = torch.rand(len(batch.frame))
        low, high = map(math.log, zoom)
        near = (low + torch.rand(len(draw), _TRIES) * (high - low)).exp()
        middle = (2 * torch.rand(len(draw), _TRIES, 2) - 1) * (1 - 1 / near)[..., None]  # the view stays in the frame
    with_lesion = batch.lesion.any(2).any(1).cpu()
    healthy, companion = with_lesion & (draw < share), with_lesion & (draw >= 1 - share)
    views = torch.eye(2, 3).repeat(len(draw), 1, 1)
    truth = torch.stack([batch.lesion, batch.judged], 1).float().cpu()
    became_healthy = torch.zeros(len(draw), dtype=torch.bool)
    for index in (healthy | companion).nonzero()[:, 0].tolist():
        fits = _fitting(truth[index], near[index], middle[index], wanted=bool(companion[index]))
        if fits is not None:
            views[index] = _view(near[index, fits], middle[index, fits])
            became_healthy[index] = healthy[index]
    return _without_class(moved(batch, views.to(batch.frame.device)), became_healthy.to(batch.frame.device))


def _fitting(truth: Tensor, near: Tensor, middle: Tensor, *, wanted: bool) -> int | None:
    """Return the first of some views that shows what it is to show; None: none does.

    Args:
        truth: [2, S, S], lesion and judged, 0 or 1.
        near: [N], zooms.
        middle: [N, 2], x and y, in half sides.
        wanted: whether a lesion is to be in view.
    """
    sums = F.pad(truth.double().cumsum(1).cumsum(2), (1, 0, 1, 0))  # [2, S + 1, S + 1]
    lesion, judged = _inside(sums, middle, 1 / near)
    view_px = (truth.shape[1] / near) ** 2
    if wanted:
        enough = torch.minimum(truth[0].sum().expand_as(near), view_px) * _IN_VIEW
        fits = lesion >= enough
    else:
        around, _ = _inside(sums, middle, (1 + 2 * _MARGIN) / near)
        fits = around == 0
    found = (fits & (judged >= _INSIDE * view_px)).nonzero()
    return int(found[0, 0]) if len(found) else None


def _inside(sums: Tensor, middle: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """Return lesion and judged pixels in squares, [N] each, by the sums over all pixels above and left of each corner.

    Args:
        sums: [2, S + 1, S + 1].
        middle: [N, 2], x and y, in half sides of the frame.
        half: [N], of the squares' sides, likewise.
    """
    side = sums.shape[1] - 1
    low = ((middle - half[:, None] + 1) / 2 * side).floor().clamp(0, side).long()
    high = ((middle + half[:, None] + 1) / 2 * side).ceil().clamp(0, side).long()
    (left, top), (right, bottom) = low.unbind(1), high.unbind(1)
    found = sums[:, bottom, right] - sums[:, top, right] - sums[:, bottom, left] + sums[:, top, left]
    lesion, judged = found.unbind(0)
    return lesion, judged


def _view(near: Tensor, middle: Tensor) -> Tensor:
    """Return where a view looks, [2, 3]."""
    none = torch.zeros(1)
    return placed(near[None], none, middle[None], torch.ones(1))[0]


def _without_class(batch: Batch, healthy: Tensor) -> Batch:
    """Return a batch in which some frames, [B] bool, have no class of lesion, as they show none."""
    held = None if batch.held is None else batch.held & ~healthy[:, None]
    return replace(batch, lesion_class=batch.lesion_class.masked_fill(healthy, -1), held=held)
