"""What a frame itself shows of how it was taken: brightness, contrast, sharpness, glare and colour, as numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.device import in_float32, numbers_beside
from mcdrl.imaging.profile import BLACK, GLARE_LUMA, GLARE_SATURATION, LUMA

OBSERVED = ("brightness", "contrast", "sharpness", "glare", "red", "green")
_DARK = (BLACK - 0.5) / 255  # between two grey values, so that rounding moves no pixel across
_BRIGHT = (GLARE_LUMA - 0.01) / 255  # less what rounding may take of a luma
_SMALL = 1e-6


def observe(frame: Tensor) -> Tensor:
    """Return what is observed of frames, in the order of `OBSERVED`.

    Brightness and contrast are mean and standard deviation of the luma in 0..1, sharpness is the logarithm of the
    variance of its Laplacian, glare the share of pixels that are bright and colourless; red and green are the mean
    colour's two coordinates across grey, 120 degrees between the channels. Pixels of border or shadow count for
    nothing.

    Args:
        frame: [B, 3, S, S] float in 0..1.

    Returns:
        [B, 6] float32 whatever autocast says; without gradients.
    """
    with torch.no_grad(), in_float32(frame.device):
        rgb = frame.float()
        lit = (rgb.amax(1) > _DARK).float()  # [B, S, S]
        luma = (rgb * numbers_beside(LUMA, rgb)[:, None, None]).sum(1)
        brightness = _mean(luma, lit)
        contrast = _mean((luma - brightness[:, None, None]).square(), lit).sqrt()
        red, green, blue = (_mean(channel, lit) for channel in rgb.unbind(1))
        found = [brightness, contrast, _sharpness(luma, lit), _mean(_glare(rgb, luma), lit)]
        found += [red - (green + blue) / 2, (green - blue) * (math.sqrt(3) / 2)]
        return torch.stack(found, 1)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum((1, 2)) / weight.sum((1, 2)).clamp(min=1)


def _glare(rgb: Tensor, luma: Tensor) -> Tensor:
    highest = rgb.amax(1)
    saturation = (highest - rgb.amin(1)) / highest.clamp(min=_SMALL)
    return ((luma >= _BRIGHT) & (saturation <= GLARE_SATURATION)).float()


def _sharpness(luma: Tensor, lit: Tensor) -> Tensor:
    """Return ln(1 + variance of the Laplacian), the luma in 0..255, where no neighbour is dark; [B]."""
    kernel = numbers_beside([[[[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]]], luma)
    edges = F.conv2d(F.pad(255 * luma[:, None], (1, 1, 1, 1), mode="replicate"), kernel)[:, 0]
    beside = F.pad(lit[:, None], (1, 1, 1, 1), value=1.0)
    inner = (F.conv2d(beside, kernel.abs().clamp(max=1)) == 5).float()[:, 0]
    mean = _mean(edges, inner)[:, None, None]
    return _mean((edges - mean).square(), inner).log1p()
