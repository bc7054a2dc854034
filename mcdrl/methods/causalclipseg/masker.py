"""Causal and confounding features of CausalCLIPSeg (arXiv 2503.15949), after its public network.

At each of three levels a masker says which part of the features is causal. One layer, the same for both parts, joins
the levels. The two play a game: what comes behind the maskers segments as well as it can from either part, the maskers
want it to succeed on the causal part and to fail on the confounding one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from mcdrl.base.device import onto
from mcdrl.base.seeds import generator
from mcdrl.networks.head import Lateral, averaged

LEVELS = 3  # of the public network
Mask = Literal["learned", "random"]
_GROUPS = 8  # of the normalisation, which must not mix the frames of a batch


class Levels(nn.Module):
    """The coarsest maps, each projected to one width, on the grid of the tokens, which join the coarsest one."""

    def __init__(self, tokens: int, map_channels: Mapping[str, int], *, width: int, input_dropout: float = 0.0) -> None:
        """Make it for tokens of D = `tokens` and maps of these channels, from fine to coarse; a share is dropped."""
        super().__init__()
        lateral, taps = partial(Lateral, dropout=input_dropout), list(map_channels)[-LEVELS:]
        self.tokens = lateral(tokens, width)
        self.maps = nn.ModuleDict({tap: lateral(map_channels[tap], width) for tap in taps})

    def forward(self, maps: Mapping[str, Tensor], dense: Tensor) -> list[Tensor]:
        """Return [B, width, H, W] for each level, from fine to coarse, of maps and dense features [B, D, H, W]."""
        size = (int(dense.shape[-2]), int(dense.shape[-1]))
        levels = [averaged(lateral(maps[tap]), size) for tap, lateral in self.maps.items()]
        levels[-1] = levels[-1] + self.tokens(dense)
        return levels


class Masker(nn.Module):
    """m = sigmoid(G(f)): how causal each channel of each place is; G are convolutions that know where a place is."""

    def __init__(self, channels: int, *, kind: Mask, seed: int) -> None:
        """Make a masker.

        Args:
            channels: of the features, a multiple of 8.
            kind: `learned`; `random`: the mask's places are exchanged at random, so that it is as large, elsewhere.
            seed: of the exchange at prediction.
        """
        super().__init__()
        self.kind, self.seed = kind, seed
        self.convolutions = nn.Sequential(
            Coordinates(), convolved(channels + 2, channels),
            convolved(channels, channels),
            Coordinates(), convolved(channels + 2, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.GroupNorm(_GROUPS, channels),
        )  # fmt: skip

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Split features into causal f*m and confounding f*(1-m).

        A loss of the confounding part reaches the masker with its sign changed, and everything else as it is: the
        masker's own way to the features is closed to gradients, of either loss.

        Args:
            features: [B, C, h, w].

        Returns:
            Two of the same shape; their sum is `features`.
        """
        mask = self.mask(features.detach())
        against = cast(Tensor, _Reverse.apply(mask)) if self.training else mask  # a reversal has no place in a file
        return features * mask, features * (1 - against)

    def mask(self, features: Tensor) -> Tensor:
        """Return m in 0..1, of the shape of the features, [B, C, h, w]."""
        mask: Tensor = self.convolutions(features).sigmoid()
        if self.kind == "learned":
            return mask
        order = onto(self._order(mask.shape[0], int(mask.shape[-2]) * int(mask.shape[-1])), mask.device)
        return mask.flatten(2).gather(2, order.unsqueeze(1).expand(-1, mask.shape[1], -1)).view_as(mask)

    def _order(self, frames: int, places: int) -> Tensor:
        """Return an order of the places, [B, N] long: drawn anew for each frame in training, one for all ever after."""
        if self.training:
            return torch.rand(frames, places).argsort(1)
        # None of torch's generators, which have no place in an exported file.
        drawn = generator(self.seed, "mask").permutation(places)
        return torch.tensor(drawn).expand(frames, -1)


class Coordinates(nn.Module):
    """Two more channels that say where a place is, x and y in -1..1."""

    def forward(self, features: Tensor) -> Tensor:
        """Return [B, C + 2, h, w] for features [B, C, h, w]."""
        height, width = features.shape[-2:]
        y, x = (torch.linspace(-1, 1, side, device=features.device) for side in (height, width))
        where = torch.stack([x.expand(height, -1), y.unsqueeze(1).expand(-1, width)]).to(features.dtype)
        return torch.cat([features, where.expand(features.shape[0], -1, -1, -1)], 1)


class _Reverse(torch.autograd.Function):
    """The identity whose gradient changes its sign."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        """Return the input."""
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        """Return the gradient with its sign changed."""
        return -gradients[0]


def convolved(channels: int, width: int, side: int = 3) -> nn.Sequential:
    """Return a convolution of `side` (odd) by `side` to `width` channels, normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(channels, width, side, padding=side // 2, bias=False), nn.GroupNorm(_GROUPS, width), nn.ReLU()
    )
