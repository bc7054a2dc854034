"""From features and a class text to logits: a kernel that is made of the text (CausalCLIPSeg, arXiv 2503.15949)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.methods.causalclipseg.masker import convolved
from mcdrl.networks.head import LESION_LOGIT


class Projector(nn.Module):
    """Features at four times their size, convolved with a kernel that a text says."""

    def __init__(self, text: int, channels: int, *, side: int) -> None:
        """Make it for texts of width `text` and features of `channels`, a multiple of 16; `side` as that of the kernel.

        Args:
            text: D.
            channels: of the features; half of them meet the kernel.
            side: places along a side of the kernel, odd.
        """
        super().__init__()
        twice = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        inner = channels // 2
        self.enlarge = nn.Sequential(
            twice, convolved(channels, channels), twice, convolved(channels, inner), nn.Conv2d(inner, inner, 1)
        )
        self.dynamic = DynamicConvolution(text, inner, side=side)

    def forward(self, enlarged: Tensor, text: Tensor) -> Tensor:
        """Return [B, 1, 4h, 4w] logits of lesion, for what `enlarge` gives and a text a frame, [B, D] of unit norm."""
        return cast(Tensor, self.dynamic(enlarged, text))


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
