"""What attentions of several heads share."""

from __future__ import annotations

from torch import Tensor


def split_heads(rows: Tensor, heads: int) -> Tensor:
    """Return rows [B, N, D] as [B, heads, N, D / heads], each head with channels of its own."""
    return rows.view(*rows.shape[:2], heads, -1).transpose(1, 2)
