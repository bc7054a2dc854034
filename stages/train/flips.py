"""Flips of frames together with all that is cached of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from stages.core.clip.encoder import Encoded
from stages.core.networks.interface import Batch


def flipped(batch: Batch, *, horizontal: Tensor, vertical: Tensor) -> Batch:
    """Flip some frames of a batch: frame, mask, features, similarity and selection alike.

    Cached features are flipped, not computed from the flipped frame: equal up to what a convolution's padding and
    stride leave of the symmetry. A prefix of tokens carries positions inside, so it can't be flipped; give no flips
    then, see `can_flip`.

    Args:
        batch: B frames.
        horizontal: [B] bool, left to right.
        vertical: [B] bool, top to bottom.
    """
    axes = [
        tuple(dim for dim, turned in ((-1, left_right), (-2, top_bottom)) if turned)
        for left_right, top_bottom in zip(horizontal.tolist(), vertical.tolist(), strict=True)
    ]

    def flip(grids: Tensor) -> Tensor:
        return _flip(grids, axes)

    encoded = batch.encoded
    return replace(
        batch,
        frame=flip(batch.frame),
        mask=flip(batch.mask),
        similarity=flip(batch.similarity),
        selected=flip(batch.selected),
        encoded=Encoded(
            dense=flip(encoded.dense),
            image=encoded.image,
            maps={tap: flip(grid) for tap, grid in encoded.maps.items()},
            prefix=flip(encoded.prefix) if encoded.prefix.dim() == 4 else encoded.prefix,
        ),
    )


def can_flip(batch: Batch) -> bool:
    """Return whether the batch's prefix, if it has one, is a grid."""
    prefix = batch.encoded.prefix
    return prefix.dim() == 4 or prefix.numel() == 0


def drawn(batch: Batch, seed: int) -> Batch:
    """Flip each frame either way with even chances that `seed` draws; leave a batch alone that can't be flipped."""
    if not can_flip(batch):
        return batch
    generator = torch.Generator().manual_seed(seed)
    coins = torch.rand(2, len(batch.frame), generator=generator) < 0.5
    return flipped(batch, horizontal=coins[0], vertical=coins[1])


def _flip(grids: Tensor, axes: Sequence[tuple[int, ...]]) -> Tensor:
    out = grids.clone()
    for row, dims in enumerate(axes):  # frame by frame: five times as fast as choosing frames by a mask
        if dims:
            out[row] = grids[row].flip(dims)
    return out
