"""From maps of the family lite to joint space; width and dropout are those of the shipped weights, no parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.clip.encoder import unit

_HIDDEN = 256
_DROPOUT = 0.3  # while it is pretrained; later it is frozen in evaluation mode


def hypercolumns(maps: Mapping[str, Tensor]) -> Tensor:
    """Bring the maps of strides 8, 16 and 32 to the grid of stride 16 and concatenate them, [B, C, h, w]."""
    fine = F.avg_pool2d(maps["s8"], 2)
    coarse = F.interpolate(maps["s32"], scale_factor=2, mode="bilinear", align_corners=False)
    return torch.cat([fine, maps["s16"], coarse], dim=1)


class Joint(nn.Module):
    """A two-layer projection of each place of the grid; the frame's vector is their mean."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, width: int) -> None:
        """Build the projection of hypercolumns to a joint space of `width`; mean 0 and std 1 until they are set."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, _HIDDEN, 1), nn.GELU(), nn.Dropout(_DROPOUT), nn.Conv2d(_HIDDEN, width, 1)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Project hypercolumns.

        Args:
            x: [B, C, h, w] float, as `hypercolumns` gives them, or any selection of them laid out as a grid.

        Returns:
            [B, D, h, w] and, for the whole frame, [B, D]; float32, both of unit norm along D.
        """
        standard = (x - self.mean[:, None, None]) / self.std[:, None, None]
        projected = self.layers(standard).float()
        return unit(projected, dim=1), unit(projected.mean((2, 3)), dim=1)
