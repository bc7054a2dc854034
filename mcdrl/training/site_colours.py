"""A frame in the colours of another source site's frame, as the colour exchange of SANet (arXiv 2108.00882) has it.

Mean and standard deviation of each channel in Lab, over the whole frame, become those of a frame of another site in the
batch: (x - mean) / std * std' + mean'. SANet draws the other frame from all training frames; between source sites it
is the look that changes, and what a network may not lean on at the next one.
"""

from __future__ import annotations

import torch
from torch import Tensor

_LEAST_SPREAD = 1.0  # in units of Lab, of 100 and more: less isn't stretched, it would be noise


def recoloured(frames: Tensor, other: Tensor) -> Tensor:
    """Return frames with the mean and spread of Lab's channels of other ones; those that are their own stay.

    Args:
        frames: [B, 3, S, S] float in 0..1.
        other: [B] long, whose colours each takes.

    Returns:
        [B, 3, S, S] float in 0..1.
    """
    from kornia.color import lab_to_rgb, rgb_to_lab  # a second that few need

    lab = rgb_to_lab(frames)
    spread, mean = torch.std_mean(lab, (2, 3), correction=0, keepdim=True)
    moved = (lab - mean) * (spread[other] / spread.clamp(min=_LEAST_SPREAD)) + mean[other]
    own = other == torch.arange(len(frames), device=frames.device)
    return torch.where(own[:, None, None, None], frames, lab_to_rgb(moved).clamp(0, 1))
