"""A prompt-conditioned transformer decoder in the manner of CLIPSeg (arXiv 2112.10003, section 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from mcdrl.networks.head import LESION_LOGIT, Lateral, averaged


class ClipsegDecoder(nn.Module):
    """Tokens of the intermediate maps, modulated by a text, through a small transformer to logits.

    The coarsest map's tokens are scaled and shifted by the text (FiLM); a transformer layer follows, then the next
    finer map's tokens are added, and so on. Finer maps are averaged to the grid of the dense features, so the answer is
    as coarse as CLIPSeg's: two transposed convolutions enlarge it four times, the rest is interpolation.
    """

    def __init__(
        self, tokens: int, map_channels: Mapping[str, int], *, width: int, heads: int, dropout: float,
        input_dropout: float = 0.0,
    ) -> None:  # fmt: skip
        """Make the decoder; its feed-forward layers are four times as wide, as in the Transformer (arXiv 1706.03762).

        Args:
            tokens: D, width of the text and of the dense features.
            map_channels: tap -> channels, from fine to coarse.
            width: channels inside.
            heads: attention heads of a layer.
            dropout: share of channels dropped in a layer.
            input_dropout: share of channels dropped from maps and dense features.
        """
        super().__init__()
        lateral = partial(Lateral, dropout=input_dropout)
        self.dense = lateral(tokens, width)
        self.maps = nn.ModuleDict({tap: lateral(map_channels[tap], width) for tap in list(map_channels)[::-1]})
        self.scale, self.shift = nn.Linear(tokens, width), nn.Linear(tokens, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=dropout, batch_first=True, norm_first=True)
            for _ in map_channels
        )
        self.enlarge = nn.Sequential(
            nn.ConvTranspose2d(width, width // 2, 2, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(width // 2, 1, 2, stride=2),
        )
        nn.init.constant_(cast(Tensor, cast(nn.ConvTranspose2d, self.enlarge[-1]).bias), LESION_LOGIT)

    def tokens(self, maps: Mapping[str, Tensor], dense: Tensor) -> list[Tensor]:
        """Return what doesn't depend on the text: each map as [B, HW, width], from coarse to fine."""
        size = (int(dense.shape[-2]), int(dense.shape[-1]))
        grids = [averaged(lateral(maps[tap]), size) for tap, lateral in self.maps.items()]
        grids[0] = grids[0] + self.dense(dense)
        return [grid.flatten(2).transpose(1, 2) for grid in grids]

    def forward(self, tokens: list[Tensor], text: Tensor, size: torch.Size) -> Tensor:
        """Segment what a text asks for.

        Args:
            tokens: as `tokens` gives them.
            text: [B, D] of unit norm.
            size: H and W of the grid.

        Returns:
            [B, 1, 4H, 4W] logits of lesion.
        """
        text = text * text.shape[-1] ** 0.5  # entries of unit size
        x = tokens[0] * (1 + self.scale(text)).unsqueeze(1) + self.shift(text).unsqueeze(1)
        for number, layer in enumerate(self.layers):
            x = layer(x if number == 0 else x + tokens[number])
        grid = x.transpose(1, 2).reshape(-1, x.shape[2], int(size[0]), int(size[1]))
        return cast(Tensor, self.enlarge(grid))
