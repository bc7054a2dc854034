"""Target regions as rows and back: F in R^(N x D) of MTRS (section 3.1 of the paper)."""

from __future__ import annotations

import torch
from torch import Tensor


def best_places(similarity: Tensor, count: int) -> Tensor:
    """Select the N places of largest similarity of each frame as `mcdrl.regions.zero_shot.select` does, on any device.

    Args:
        similarity: [B, H, W] float, whole multiples of 2^-24 such as float16 has.
        count: N.

    Returns:
        [B, H, W] bool.
    """
    height, width = map(int, similarity.shape[1:])
    flat = similarity.flatten(1)
    # Whole numbers, so that the place itself can break ties in the same number, alike in every runtime.
    key = (flat.float() * 2**24).long() * (height * width) - torch.arange(height * width, device=flat.device)
    order = key.topk(count, dim=1).indices
    selected = torch.zeros_like(flat).scatter(1, order, 1.0) > 0
    return selected.view(-1, height, width)


def indices(selected: Tensor, count: int) -> Tensor:
    """Return where the selected places are; nobody waits for the device.

    Args:
        selected: [B, H, W] bool, N places in every frame.
        count: N.

    Returns:
        [B, N] long, indices into the flattened grid, ascending.
    """
    flat = selected.flatten(1)
    places = torch.arange(flat.shape[1], device=flat.device)
    return torch.where(flat, places, flat.shape[1]).topk(count, dim=1, largest=False).values


def gather(dense: Tensor, index: Tensor) -> Tensor:
    """Take rows out of a grid.

    Args:
        dense: [B, D, H, W].
        index: [B, N] long, as `indices` returns it.

    Returns:
        [B, N, D], F of the paper.
    """
    rows = dense.flatten(2).transpose(1, 2)
    return rows.gather(1, index.unsqueeze(-1).expand(-1, -1, rows.shape[-1]))


def scatter(dense: Tensor, index: Tensor, rows: Tensor, *, regions: str) -> Tensor:
    """Put rows back onto the grid that they came from.

    Args:
        dense: [B, D, H, W], what stands at the places that weren't selected.
        index: [B, N] long.
        rows: [B, N, D].
        regions: "keep": the other places stay as they are; "zero": they are blanked.

    Returns:
        [B, D, H, W] of the dtype of `dense`, so that autocast can mix both.
    """
    ground = torch.zeros_like(dense) if regions == "zero" else dense
    where = index.unsqueeze(1).expand(-1, dense.shape[1], -1)
    flat = ground.flatten(2).scatter(2, where, rows.transpose(1, 2).to(dense.dtype))
    return flat.view(dense.shape)
