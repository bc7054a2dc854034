"""Region mining tuned on the source sites: a small network asks each place of the frozen maps whether it is lesion.

It stands in for the similarity to the class texts (MTRS, section 3.1 of arXiv 2508.05008), which is weak on frames that
the text tower was not aligned on. It is fitted on the source sites of a fold alone and travels with the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.base.device import unrounded
from mcdrl.regions.grid import best_places
from mcdrl.regions.zero_shot import places_kept


class SelectsRegions(Protocol):
    """What selects target regions by the frozen encoder's maps: a miner, or several for frames of different sites."""

    @property
    def kept(self) -> int:
        """Return N, how many places are kept of each frame."""

    def regions(self, maps: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Select the target regions of B frames; see `Miner.regions`."""


class Miner(nn.Module):
    """Maps to the probability of lesion of every place of the dense grid."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, channels: Mapping[str, int], grid: tuple[int, int], alpha: float, *, hidden: int, dropout: float = 0.0
    ) -> None:
        """Make it without values for `mean` and `std`.

        Args:
            channels: of the maps that it looks at, by tap.
            grid: (H, W) of the dense map.
            alpha: share of the places that is kept, above 0 up to 1.
            hidden: channels inside.
            dropout: share of them dropped while it is fitted.
        """
        super().__init__()
        self.channels, self.grid, self.alpha, self.hidden = dict(channels), grid, alpha, hidden
        width = sum(channels.values())
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))
        self.layers = nn.Sequential(
            nn.Conv2d(width, hidden, 1), nn.GELU(), nn.Dropout(dropout), nn.Conv2d(hidden, 1, 1)
        )

    @property
    def taps(self) -> list[str]:
        """Return the maps that it looks at."""
        return list(self.channels)

    @property
    def kept(self) -> int:
        """Return N, how many places are kept of each frame."""
        return places_kept(*self.grid, self.alpha)

    def hypercolumns(self, maps: Mapping[str, Tensor]) -> Tensor:
        """Bring the maps to the grid, [B, C, H, W]: finer ones are averaged, coarser ones interpolated."""
        return torch.cat([self._at_grid(maps[tap].float()) for tap in self.taps], 1)

    def forward(self, columns: Tensor) -> Tensor:
        """Return logits of lesion, [B, H, W], of what `hypercolumns` gives."""
        standard = (columns - self.mean[:, None, None]) / self.std[:, None, None]
        logits: Tensor = self.layers(standard)
        return logits[:, 0]

    def regions(self, maps: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Select the target regions of B frames, in float32 whatever holds around.

        Args:
            maps: tap -> [B, C, h, w] float, the frozen encoder's.

        Returns:
            [B, H, W] float32, the probability of lesion rounded to float16; and [B, H, W] bool, the kept places.
        """
        with torch.no_grad(), unrounded(self.mean.device):
            similarity = self(self.hypercolumns(maps)).sigmoid().half().float()
        return similarity, best_places(similarity, self.kept)

    def _at_grid(self, grid: Tensor) -> Tensor:
        height, width = map(int, grid.shape[2:])
        if width < self.grid[1]:
            return F.interpolate(grid, self.grid, mode="bilinear", align_corners=False)
        if height % self.grid[0] == width % self.grid[1] == 0:  # the usual case, which every exporter knows
            return F.avg_pool2d(grid, (height // self.grid[0], width // self.grid[1]))
        return F.adaptive_avg_pool2d(grid, self.grid)
