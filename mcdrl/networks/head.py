"""The segmentation head H: a light top-down pyramid over grid tokens, intermediate maps and the frame itself.

The paper leaves the head open. This one normalises whatever comes in, so that raw activations, tokens of unit norm and
intervened tokens can be exchanged without another learning rate.

Its width and its dropout are parameters (`train.head_width`, `train.dropout`). The share of lesion that it starts from
is none: it is a bias, which is trained from the first step on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_DETAIL_STRIDE = 4  # the frame's own detail enters at a quarter of its size
_GROUPS = 8  # of the normalisation, which must not mix the frames of a batch
LESION_LOGIT = math.log(0.1 / 0.9)  # most pixels are background: start there instead of at one half
LEAST_PROBABILITY = 1e-6  # that a logit is made of


class Lateral(nn.Module):
    """One input of a head: normalise each place over its channels, then project to the head's width.

    What is dropped of it, if anything, are whole channels, once they are normalised: what the others are doesn't hang
    on which are dropped.
    """

    def __init__(self, channels: int, width: int, *, dropout: float = 0.0) -> None:
        """Take `channels`, of which a share is dropped, give `width`."""
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout2d(dropout)
        self.project = nn.Linear(channels, width)

    def forward(self, grid: Tensor) -> Tensor:
        """Map [B, C, h, w] to [B, width, h, w], laid out channels last."""
        kept = self.dropout(self.norm(grid.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
        return cast(Tensor, self.project(kept.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Refine(nn.Module):
    """A depthwise-separable convolution with a residual path."""

    def __init__(self, width: int) -> None:
        """Keep `width` channels."""
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.pointwise = nn.Conv2d(width, width, 1)

    def forward(self, grid: Tensor) -> Tensor:
        """Map [B, width, h, w] to the same shape."""
        return grid + cast(Tensor, self.pointwise(F.relu(self.norm(self.depthwise(grid)), inplace=True)))


class Merge(nn.Module):
    """Maps are merged from coarse to fine; tokens join at their own size, the frame at a quarter of its size.

    Work is put where places are few: the last level has half of the channels and half of the convolutions.

    Attributes:
        channels: of what comes out.
    """

    def __init__(
        self, tokens: int, map_channels: Mapping[str, int], *, width: int, dropout: float, input_dropout: float = 0.0
    ) -> None:
        """Make the pyramid.

        Args:
            tokens: D, channels of the grid tokens.
            map_channels: tap -> channels, from fine to coarse.
            width: channels inside, a multiple of 16.
            dropout: share of channels dropped from what the coarsest level gives.
            input_dropout: share of channels dropped from maps, tokens and frame.
        """
        super().__init__()
        widths = [width] * (len(map_channels) - 1) + [width // 2]
        taps = list(map_channels)[::-1]
        self.channels = widths[-1]
        lateral = partial(Lateral, dropout=input_dropout)
        self.tokens = lateral(tokens, widths[0])
        self.maps = nn.ModuleDict(
            {tap: lateral(map_channels[tap], inner) for tap, inner in zip(taps, widths, strict=True)}
        )
        self.frame_dropout = nn.Dropout2d(input_dropout)
        self.detail = nn.Conv2d(3, widths[-1], _DETAIL_STRIDE, stride=_DETAIL_STRIDE)
        self.refine = nn.ModuleList(nn.Sequential(Refine(width), Refine(width)) for _ in widths[1:])
        self.refine.append(Refine(widths[-1]))
        self.dropout = nn.Dropout2d(dropout)
        self.narrow = nn.Conv2d(width, widths[-1], 1) if len(widths) > 1 else nn.Identity()

    def forward(self, maps: Mapping[str, Tensor], tokens: Tensor, frame: Tensor) -> Tensor:
        """Merge.

        Args:
            maps: tap -> [B, C, h, w], the taps that the pyramid was made for.
            tokens: [B, D, H, W], dense features, intervened or not.
            frame: [B, 3, S, S] float in 0..1, S a multiple of four.

        Returns:
            [B, channels, S / 4, S / 4].
        """
        laterals = [lateral(maps[tap]) for tap, lateral in self.maps.items()]
        detail = self.detail(self.frame_dropout(frame - 0.5))
        laterals[-1] = _resize(laterals[-1], detail.shape[-2:]) + detail
        joins = _first_at_least(laterals[:-1] or laterals, tokens.shape[-1])
        laterals[joins] = laterals[joins] + _resize(self.tokens(tokens), laterals[joins].shape[-2:])
        merged = self.refine[0](self.dropout(laterals[0]))
        for level in range(1, len(laterals)):
            coarser = self.narrow(merged) if level == len(laterals) - 1 else merged
            merged = self.refine[level](_resize(coarser, laterals[level].shape[-2:]) + laterals[level])
        return cast(Tensor, merged)


class Pyramid(Merge):
    """H: the pyramid, and a logit for each of the 2 x 2 cells of its places."""

    def __init__(
        self, tokens: int, map_channels: Mapping[str, int], *, width: int, dropout: float, input_dropout: float = 0.0
    ) -> None:
        """Make the head; see `Merge`."""
        super().__init__(tokens, map_channels, width=width, dropout=dropout, input_dropout=input_dropout)
        self.out = nn.Conv2d(self.channels, 4, 1)
        nn.init.constant_(cast(Tensor, self.out.bias), LESION_LOGIT)

    def forward(self, maps: Mapping[str, Tensor], tokens: Tensor, frame: Tensor) -> Tensor:
        """Segment; arguments as those of `Merge`.

        Returns:
            [B, 2, S, S] float32 logits of background and lesion; that of background is zero.
        """
        return self.answer(self.merged(maps, tokens, frame), frame.shape[-2:])

    def merged(self, maps: Mapping[str, Tensor], tokens: Tensor, frame: Tensor) -> Tensor:
        """Return all that the logits are made of, [B, channels, S / 4, S / 4]; arguments as those of `Merge`."""
        return super().forward(maps, tokens, frame)

    def answer(self, merged: Tensor, size: torch.Size) -> Tensor:
        """Return the logits, as `forward` does, of what `merged` gives, or of what a method makes of that."""
        return two_logits(F.pixel_shuffle(self.out(merged), 2), size)


def averaged(grid: Tensor, size: tuple[int, int]) -> Tensor:
    """Return a grid, [B, C, h, w], averaged or repeated to `size`; where sizes divide, as ONNX can, too."""
    height, width = int(grid.shape[-2]), int(grid.shape[-1])
    if height % size[0] == width % size[1] == 0:
        return F.avg_pool2d(grid, (height // size[0], width // size[1]))
    if size[0] % height == size[1] % width == 0:
        return F.interpolate(grid, size)
    return F.adaptive_avg_pool2d(grid, size)


def two_logits(lesion: Tensor, size: torch.Size) -> Tensor:
    """Return logits of lesion, [B, 1, h, w], as float32 logits of background (zero) and lesion, [B, 2, *size]."""
    lesion = _resize(lesion.float(), size)
    return torch.cat([torch.zeros_like(lesion), lesion], 1)


def _first_at_least(grids: list[Tensor], side: int) -> int:
    fine_enough = (level for level, grid in enumerate(grids) if grid.shape[-1] >= side)
    return next(fine_enough, len(grids) - 1)


def _resize(grid: Tensor, size: torch.Size) -> Tensor:
    if grid.shape[-2:] == size:
        return grid
    return F.interpolate(grid, size=size, mode="bilinear", align_corners=False)
