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

from stages.core.networks.head import LESION_LOGIT

_SIDE = 3  # of the dynamic kernel


class _Reverse(torch.autograd.Function):
    """The identity whose gradient changes its sign."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
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

        A loss of the confounding part reaches the masker with its sign changed, and everything else as it is.

        Args:
            features: [B, C, h, w].

        Returns:
            Two of the same shape; their sum is `features`.
        """
        mask = self.convolution(features).sigmoid()
        return features * mask, features * (1 - cast(Tensor, _Reverse.apply(mask)))


class DynamicConvolution(nn.Module):
    """A convolution to one channel whose kernel and bias are a linear map of a text."""

    def __init__(self, text: int, channels: int) -> None:
        """Make kernels for features of `channels` from texts of width `text`."""
        super().__init__()
        self.channels = channels
        self.kernel = nn.Linear(text, channels * _SIDE**2)
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
        scaled = text * text.shape[-1] ** 0.5  # entries of unit size
        kernel = self.kernel(scaled).view(-1, self.channels, _SIDE, _SIDE) / (self.channels**0.5 * _SIDE)
        joined = features.flatten(0, 1).unsqueeze(0)  # [1, B*C, h, w]: a group of channels a frame
        answers = F.conv2d(joined, kernel.to(joined.dtype), padding=_SIDE // 2, groups=len(features))
        return answers.transpose(0, 1) + cast(Tensor, self.bias(scaled))[:, :, None, None]
