"""Amplitude mixing (FACT, arXiv 2105.11182): the look of one site on the content of another.

A picture's Fourier amplitude carries its colours and textures, the phase its shapes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mcdrl.base.device import in_float32


def amplitude_mixed(frames: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Return frames whose amplitude spectrum is partly another frame's; phases stay.

    Args:
        frames: [B, 3, S, S] float in 0..1.
        other: [B] long, whose amplitudes are mixed in.
        share: [B, 1, 1, 1] float in 0..1, of the other's amplitudes.

    Returns:
        [B, 3, S, S] float in 0..1.
    """
    with in_float32(frames.device):
        spectrum = torch.fft.rfft2(frames.float())
        amplitude = spectrum.abs()
        mixed = torch.lerp(amplitude, amplitude[other], share.expand_as(amplitude))
        moved: Tensor = torch.fft.irfft2(torch.polar(mixed, spectrum.angle()), s=frames.shape[-2:])
    return moved.clamp(0, 1)
