"""Random changes of a frame's colours and sharpness, so that the corpus varies beyond its renderer."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

_GAIN, _GAMMA = 0.15, (0.7, 1.4)


def jitter(frames: Tensor) -> Tensor:
    """Return each frame with other brightness, contrast, colours, gamma and, at times, less sharpness.

    Args:
        frames: [B, 3, H, W] float in 0..1; so is what is returned. Draws from torch's global generator.
    """
    colours = v2.ColorJitter(brightness=0.35, contrast=0.35, saturation=0.4, hue=0.02)
    blur = v2.RandomApply([v2.GaussianBlur(9, (0.5, 2.5))], p=0.4)
    return torch.stack([blur(_tinted(colours(frame))) for frame in frames])


def _tinted(frame: Tensor) -> Tensor:
    gains = 1 + _GAIN * (2 * torch.rand(3, 1, 1) - 1)
    gamma = float(torch.empty(()).uniform_(*_GAMMA))
    tinted: Tensor = functional.adjust_gamma((frame * gains).clamp(0, 1), gamma)
    return tinted
