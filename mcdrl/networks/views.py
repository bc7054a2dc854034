"""A frame seen from elsewhere: nearer or farther, turned, moved, mirrored; and the sum over such views.

Distance is a confounder of the paper's dictionary (near view, far view). Here it is set by hand on the pixels instead
of being asked for in joint space: Y = sum_v P(v) P(Y|X_v), X_v the frame as the view v shows it, every answer brought
back to the frame.

Which families of views are summed over, and how near the near one is, are parameters (`method_params.viewpoint`); the
three mirrored views are what the family is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.artifacts.frames import IGNORED
from mcdrl.base.device import in_float32, numbers_beside
from mcdrl.networks.head import LEAST_PROBABILITY
from mcdrl.networks.interface import Batch, Method, Output
from mcdrl.networks.params import ViewParams
from mcdrl.regions.grid import best_places

_LEAST_SIMILAR = -2.0  # no probability, no cosine and no difference of two cosines is less
_MIRRORED = ((-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))  # family `mirror`: all that a rectangle has


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

    Frame, mask and similarity are moved alike; what comes in from outside is black, no lesion, and mined last. A pixel
    is ignored where half of what it shows is. The selection is made anew: as many places as before, those of largest
    similarity. Cached features stay what they were.

    Args:
        batch: B frames.
        views: [B, 2, 3], as `placed` gives them.
    """
    truth = torch.stack([batch.lesion, ~batch.judged], 1).to(batch.frame)
    seen = viewed(torch.cat([batch.frame, truth], 1), views)
    places = viewed(torch.stack([batch.similarity, torch.ones_like(batch.similarity)], 1), views)
    similarity, inside = places[:, 0] / places[:, 1].clamp(min=0.5), places[:, 1]
    similarity = similarity.masked_fill(inside < 0.5, _LEAST_SIMILAR)
    similarity = similarity.half().float()  # as it is stored
    return replace(
        batch,
        frame=seen[:, :3].clamp(0, 1),
        mask=torch.where(seen[:, 4] >= 0.5, IGNORED, seen[:, 3].round().long()),
        similarity=similarity,
        selected=best_places(similarity, batch.kept),
    )


def summed(segment: Callable[[Batch], Output], batch: Batch, families: Sequence[str], *, zoom: float) -> Output:
    """Return sum_v P(v) P(Y|X_v), P uniform over the views in which a pixel is seen.

    Args:
        segment: says what a network says of a batch.
        batch: B frames, whose pixels `segment` looks at.
        families: of views beside the frame as it is: mirror (horizontally, vertically, both), distance (near, far).
        zoom: of the near view; the far view's is one over it.

    Returns:
        What `segment` says of the frames as they are, with the logits of the sum.
    """
    as_it_is = segment(batch)
    lesion = as_it_is.logits.softmax(1)[:, 1:]
    total, seen = lesion, torch.ones_like(lesion)
    for view, inverse in _summed_views(families, zoom, batch.frame):
        there = segment(moved(batch, view)).logits.softmax(1)[:, 1:]
        back = viewed(torch.cat([there, torch.ones_like(there)], 1), inverse)
        total, seen = total + back[:, :1], seen + back[:, 1:]
    mean = (total / seen).clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return replace(as_it_is, logits=torch.cat([(1 - mean).log(), mean.log()], 1))


class OverViews(Method):
    """Makes a method sum over views at prediction; stands before it among the bases, whose own arguments it has.

    Attributes:
        families: of views that are summed over, which `over` has to say first.
        zoom: of the near view.
    """

    families: tuple[str, ...]
    zoom: float
    sums_views = True

    def over(self, params: ViewParams) -> Self:
        """Say which families of views are summed over; returns the method."""
        self.families, self.zoom = tuple(params.sum_over), params.zoom
        return self

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch as the method does, at prediction by the sum."""
        segment = partial(self.single_pass, intervene=intervene)
        return segment(batch) if self.training else summed(segment, batch, self.families, zoom=self.zoom)

    def single_pass(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch as it is."""
        return super().forward(batch, intervene=intervene)  # type: ignore[safe-super]


def _summed_views(families: Sequence[str], nearer: float, frame: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return the views beside the frame as it is, each with the view that undoes it."""
    scales = list(_MIRRORED) if "mirror" in families else []
    scales += [(1 / zoom, 1 / zoom) for zoom in (nearer, 1 / nearer)] if "distance" in families else []
    return [(_scaled(x, y, frame), _scaled(1 / x, 1 / y, frame)) for x, y in scales]


def _scaled(x: float, y: float, frame: Tensor) -> Tensor:
    view = numbers_beside([[[x, 0, 0], [0, y, 0]]], frame)
    return view.expand(frame.shape[0], -1, -1)  # the batch's size stays open in an exported graph


def viewed(grid: Tensor, views: Tensor) -> Tensor:
    """Return a grid, [B, C, H, W], as the views show it; in float32 whatever autocast says, as places need it.

    What comes in from outside is 0. On CUDA the kernel of its gradient isn't deterministic, so none must be asked.
    """
    with in_float32(grid.device):
        return F.grid_sample(grid.float(), _looked_at(grid, views.float()), padding_mode="zeros", align_corners=False)


def _looked_at(grid: Tensor, views: Tensor) -> Tensor:
    """Return where in the grid each place of the views looks, [B, H, W, 2]; `affine_grid` in exportable operators."""
    height, width = int(grid.shape[2]), int(grid.shape[3])
    y, x = ((torch.arange(side, device=grid.device) * 2 + 1) / side - 1 for side in (height, width))
    x, y = x.view(1, 1, width), y.view(1, height, 1)
    rows = [
        views[:, row, 0, None, None] * x + views[:, row, 1, None, None] * y + views[:, row, 2, None, None]
        for row in (0, 1)
    ]
    return torch.stack(rows, 3)
