"""MixStyle (arXiv 2104.02008): a frame's features take on the feature statistics of another frame of the batch."""

from __future__ import annotations

import torch
from torch import Tensor

from mcdrl.base.device import onto
from mcdrl.clip.encoder import Encoded

_EPSILON = 1e-6  # as in the authors' code; a channel without variation is divided by it


def mixed(encoded: Encoded, *, share: float, beta: float) -> Encoded:
    """Mix the styles of a batch, or leave it as it is, as torch's random state draws it.

    Style is the mean and the standard deviation of each channel over the places of a map. All maps of a frame, and the
    prefix's places, are mixed with those of the same other frame by the same share; dense features, of unit norm, and
    the tokens before the places of a prefix stay.

    Args:
        encoded: of B frames.
        share: of the batches that are mixed, 0..1.
        beta: b of Beta(b, b), which draws how much of its own style a frame keeps.
    """
    if torch.rand(()) >= share:
        return encoded
    frames, device = len(encoded.image_embedding), encoded.image_embedding.device
    other = onto(torch.randperm(frames), device)
    own = onto(torch.distributions.Beta(beta, beta, validate_args=False).sample((frames, 1, 1, 1)), device)
    maps = {tap: restyled(grid, other, own) for tap, grid in encoded.maps.items()}
    return Encoded(encoded.dense, encoded.image_embedding, maps, _prefix(encoded, other, own))


def _prefix(encoded: Encoded, other: Tensor, own: Tensor) -> Tensor:
    """Return the prefix mixed: a map, or tokens [B, T+HW, C] that end with the places of a map; of no map as it is."""
    prefix = encoded.prefix
    if prefix.dim() == 4:
        return restyled(prefix, other, own)
    if prefix.dim() != 3 or not encoded.maps:
        return prefix
    places = next(iter(encoded.maps.values())).shape[2:].numel()
    grid = restyled(prefix[:, -places:].mT.unsqueeze(3), other, own)
    return torch.cat([prefix[:, :-places], grid.squeeze(3).mT], 1)


def restyled(grid: Tensor, other: Tensor, own: Tensor) -> Tensor:
    """Return each frame's map in a style between its own and another frame's.

    Args:
        grid: [B, C, h, w].
        other: [B] long, whose style is mixed in.
        own: [B, 1, 1, 1] float in 0..1, the share of the own style.
    """
    mean, deviation = grid.mean((2, 3), keepdim=True), grid.std((2, 3), keepdim=True, correction=0) + _EPSILON
    standard = (grid - mean) / deviation
    return standard * (own * deviation + (1 - own) * deviation[other]) + own * mean + (1 - own) * mean[other]
