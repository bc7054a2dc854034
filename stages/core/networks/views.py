"""A frame seen from elsewhere: nearer or farther, turned, moved, mirrored; and the sum over such views.

Distance is a confounder of the paper's dictionary (near view, far view). Here it is set by hand on the pixels instead
of being asked for in joint space: P(Y|do(X)) = sum_v P(v) P(Y|X, v), every answer brought back to the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from stages.core.networks.interface import Batch, Output

FAMILIES = ("mirror", "distance")
_NEARER = 1.2  # the zoom of the near view; the far view's is one over it
_LEAST = 1e-6  # probability that a logit is made of
_MIRRORED = ((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))


def placed(zoom: Tensor, turn: Tensor, shift: Tensor, stretch: Tensor) -> Tensor:
    """Return where views look, [B, 2, 3]: affine maps from places of the view to places of the frame, both in -1..1.

    Args:
        zoom: [B], above 1: nearer.
        turn: [B], radians.
        shift: [B, 2], of what is in the middle, x and y, in half sides of the frame.
        stretch: [B], of y against x.
    """
    cos, sin = turn.cos() / zoom, turn.sin() / zoom
    rows = [torch.stack([cos, -sin], 1), torch.stack([sin * stretch, cos * stretch], 1)]
    return torch.cat([torch.stack(rows, 1), shift.unsqueeze(2)], 2)


def moved(batch: Batch, views: Tensor) -> Batch:
    """Return the frames as the views show them, with all that lies on them.

    Frame, mask and similarity are moved alike; what comes in from outside is black, no lesion and never mined. The
    selection is made anew: as many places as before, those of largest similarity. Cached features stay what they were.

    Args:
        batch: B frames.
        views: [B, 2, 3], as `placed` gives them.
    """
    lying = torch.stack([batch.mask.float(), _enlarged(batch), torch.ones_like(batch.frame[:, 0])], 1)
    frame, lying = _seen(batch.frame, views), _seen(lying, views)
    places = (batch.similarity.shape[-2], batch.similarity.shape[-1])
    inside = F.adaptive_avg_pool2d(lying[:, 2:], places)[:, 0]
    similarity = F.adaptive_avg_pool2d(lying[:, 1:2], places)[:, 0] / inside.clamp(min=0.5)
    similarity = similarity.masked_fill(inside < 0.5, -1.0)  # neither a cosine nor a probability is less
    return replace(
        batch,
        frame=frame.clamp(0, 1),
        mask=lying[:, 0].round().long(),
        similarity=similarity,
        selected=_best(similarity, batch.selected),
    )


def summed(segment: Callable[[Batch], Output], batch: Batch, families: Sequence[str]) -> Output:
    """Return sum_v P(v) P(Y|X, v), P uniform over the views in which a pixel is seen.

    Args:
        segment: says what a network says of a batch.
        batch: B frames, whose pixels `segment` looks at.
        families: of views beside the frame as it is: mirror (horizontally, vertically, both), distance (near, far).

    Returns:
        What `segment` says of the frames as they are, with the logits of the sum.
    """
    plain = segment(batch)
    lesion = plain.logits.softmax(1)[:, 1:]
    total, seen = lesion, torch.ones_like(lesion)
    for view in _summed_views(families, batch.frame):
        there = segment(moved(batch, view)).logits.softmax(1)[:, 1:]
        back = _seen(torch.cat([there, torch.ones_like(there)], 1), _inverse(view))
        total, seen = total + back[:, :1], seen + back[:, 1:]
    mean = (total / seen).clamp(_LEAST, 1 - _LEAST)
    return replace(plain, logits=torch.cat([(1 - mean).log(), mean.log()], 1))


def _summed_views(families: Sequence[str], frame: Tensor) -> list[Tensor]:
    scales = list(_MIRRORED) if "mirror" in families else []
    scales += [(1 / zoom, 1 / zoom) for zoom in (_NEARER, 1 / _NEARER)] if "distance" in families else []
    return [frame.new_tensor([[[x, 0, 0], [0, y, 0]]]).expand(len(frame), -1, -1) for x, y in scales]


def _inverse(view: Tensor) -> Tensor:
    turned = torch.inverse(view[:, :, :2])
    return torch.cat([turned, -turned @ view[:, :, 2:]], 2)


def _seen(grid: Tensor, views: Tensor) -> Tensor:
    places = F.affine_grid(views, list(grid.shape), align_corners=False)
    return F.grid_sample(grid, places, padding_mode="zeros", align_corners=False)


def _enlarged(batch: Batch) -> Tensor:
    similarity = batch.similarity.unsqueeze(1)
    return F.interpolate(similarity, batch.frame.shape[-2:], mode="nearest")[:, 0]


def _best(similarity: Tensor, selected: Tensor) -> Tensor:
    """Return as many places of largest similarity as `selected` has, [B, H, W] bool."""
    count = int(selected[0].sum())
    best = similarity.flatten(1).topk(count).indices
    chosen = torch.zeros_like(selected.flatten(1)).scatter(1, best, True)
    return chosen.view_as(selected)
