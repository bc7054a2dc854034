"""What attentions of several heads share."""

from __future__ import annotations

from torch import Tensor


def split_heads(rows: Tensor, heads: int) -> Tensor:
    """Return rows [B, N, D] as [B, heads, N, D / heads], each head with channels of its own."""
    return rows.reshape(*rows.shape[:2], heads, -1).transpose(1, 2)


def join_heads(rows: Tensor) -> Tensor:
    """Return what `split_heads` has taken apart, [B, heads, N, D / heads] -> [B, N, D]."""
    return rows.transpose(1, 2).flatten(2)
