"""Causal and confounding features of CausalCLIPSeg (arXiv 2503.15949), from the description of the paper.

A masker annotates by itself which part of the features is causal; both parts go through one decoder whose kernel is
made of the text. The two play a game: the decoder segments as well as it can from either part, the masker wants it to
succeed on the causal part and to fail on the confounding one.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.networks.head import LESION_LOGIT


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


class Masker(nn.Module):
    """m = sigmoid(conv(f)): how causal each channel of each place is."""

    def __init__(self, channels: int) -> None:
        """Make a masker for features of that many channels."""
        super().__init__()
        self.convolution = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 1)
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Split features into causal f*m and confounding f*(1-m).

        A loss of the confounding part reaches the masker with its sign changed, and everything else as it is: the
        masker's own way to the features is closed to gradients, of either loss.

        Args:
            features: [B, C, h, w].

        Returns:
            Two of the same shape; their sum is `features`.
        """
        mask = self.convolution(features.detach()).sigmoid()
        against = cast(Tensor, _Reverse.apply(mask)) if self.training else mask  # a reversal has no place in a file
        return features * mask, features * (1 - against)


class DynamicConvolution(nn.Module):
    """A convolution to one channel whose kernel and bias are a linear map of a text."""

    def __init__(self, text: int, channels: int, *, side: int) -> None:
        """Make kernels of `side` (odd) by `side` for features of `channels` from texts of width `text`."""
        super().__init__()
        self.channels, self.side = channels, side
        self.kernel = nn.Linear(text, channels * side**2)
        self.bias = nn.Linear(text, 1)
        nn.init.constant_(self.bias.bias, LESION_LOGIT)

    def forward(self, features: Tensor, text: Tensor) -> Tensor:
        """Convolve each frame with its own text's kernel.

        Args:
            features: [B, C, h, w].
            text: [B, D] of unit norm.

        Returns:
            [B, 1, h, w] logits of lesion.
        """
        side = self.side
        scaled = text * text.shape[-1] ** 0.5  # entries of unit size
        kernel = self.kernel(scaled).view(-1, self.channels, side**2) / (self.channels**0.5 * side)
        # Place by place of the kernel, then moved and summed: a grouped convolution would fix the number of frames in
        # an exported file.
        parts = torch.einsum("bchw,bcn->bnhw", features, kernel.to(features.dtype))
        height, width = features.shape[-2:]
        around = F.pad(parts, (side // 2,) * 4)
        places = [(i, j) for i in range(side) for j in range(side)]
        moved = [around[:, n, i : i + height, j : j + width] for n, (i, j) in enumerate(places)]
        answers = torch.stack(moved).sum(0).unsqueeze(1)
        return answers + cast(Tensor, self.bias(scaled))[:, :, None, None]
