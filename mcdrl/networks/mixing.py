"""MixStyle (arXiv 2104.02008): a frame's features take on the feature statistics of another frame of the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from mcdrl.clip.encoder import Encoded

_SHARE = 0.5  # of the batches
_BETA = 0.3  # of Beta(b, b), which draws how much of its own style a frame keeps
_EPSILON = 1e-6


def mixed(encoded: Encoded) -> Encoded:
    """Mix the styles of a batch, or leave it as it is, with even chances of torch's random state.

    Style is the mean and the standard deviation of each channel over the places of a map. All maps of a frame, and a
    prefix that is a map, are mixed with those of the same other frame by the same share; dense features, of unit norm,
    stay.
    """
    if torch.rand(()) >= _SHARE:
        return encoded
    frames, device = len(encoded.image), encoded.image.device
    other = torch.randperm(frames).to(device)
    own = torch.distributions.Beta(_BETA, _BETA).sample((frames, 1, 1, 1)).to(device)
    maps = {tap: restyled(grid, other, own) for tap, grid in encoded.maps.items()}
    prefix = encoded.prefix
    return Encoded(encoded.dense, encoded.image, maps, restyled(prefix, other, own) if prefix.dim() == 4 else prefix)


def restyled(grid: Tensor, other: Tensor, own: Tensor) -> Tensor:
    """Return each frame's map in a style between its own and another frame's.

    Args:
        grid: [B, C, h, w].
        other: [B] long, whose style is mixed in.
        own: [B, 1, 1, 1] float in 0..1, the share of the own style.
    """
    mean, deviation = grid.mean((2, 3), keepdim=True), grid.std((2, 3), keepdim=True, correction=0) + _EPSILON
    plain = (grid - mean) / deviation
    return plain * (own * deviation + (1 - own) * deviation[other]) + own * mean + (1 - own) * mean[other]
