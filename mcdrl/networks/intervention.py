"""Causal intervention: H(E_z[A(F, z)]), the paper's approximation of P(Y|do(F)) (section 3.3, CDRL).

A is a stack of transformer decoder blocks that ask the confounder dictionary: queries from the target regions F, keys
and values from Z. Rows of unit norm are scaled by sqrt(D) inside, so that their entries have unit size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from mcdrl.base.attention_heads import join_heads, split_heads


class CrossAttention(nn.Module):
    """Multi-head attention with Q = F and K = V = Z."""

    def __init__(self, width: int, *, heads: int) -> None:
        """Make projections of `width` channels, split into `heads`."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # a bias would shift all scores of a query alike
        self.value = nn.Linear(width, width)
        self.project = nn.Linear(width, width)
        self.weigh = nn.Softmax(-1)  # a module, so that its weights can be looked at from outside: see `recorded`

    def forward(self, rows: Tensor, z: Tensor) -> Tensor:
        """Attend.

        Args:
            rows: [B, N, D], the queries.
            z: keys and values: [M, D], the same for every frame, or [B, M, D].

        Returns:
            [B, N, D].
        """
        q = split_heads(self.query(rows), self.heads)
        z = z if z.dim() == 3 else z.unsqueeze(0)
        k, v = split_heads(self.key(z), self.heads), split_heads(self.value(z), self.heads)
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        mixed = self.weigh(scores) @ v
        return cast(Tensor, self.project(join_heads(mixed)))


class Block(nn.Module):
    """One pre-norm decoder block: cross-attention to Z, then a feed-forward layer.

    With `residual` both parts add to the rows, and both start at zero: the block begins as the identity, so switching
    the intervention on doesn't shake the head. Without it the output is made of Z alone, as the paper's formula says.
    """

    def __init__(self, width: int, *, heads: int, residual: bool, dropout: float) -> None:
        """Make a block; the feed-forward layer is four times as wide, as in the Transformer (arXiv 1706.03762)."""
        super().__init__()
        self.residual = residual
        self.norm_rows = nn.LayerNorm(width)
        self.attention = CrossAttention(width, heads=heads)
        self.norm_ffn = nn.LayerNorm(width)
        self.ffn = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)
        if residual:
            _start_at_zero(self.attention.project)
            _start_at_zero(cast(nn.Linear, self.ffn[-1]))

    def forward(self, rows: Tensor, z: Tensor) -> Tensor:
        """Return the intervened rows, [B, N, D], for rows [B, N, D] and Z [M, D] or [B, M, D]."""
        attended = self.dropout(self.attention(self.norm_rows(rows), z))
        rows = rows + attended if self.residual else attended
        fed = self.dropout(self.ffn(self.norm_ffn(rows)))
        return rows + fed if self.residual else cast(Tensor, fed)


def _start_at_zero(layer: nn.Linear) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


class Intervention(nn.Module):
    """A(F, Z): rows F to F_ca."""

    def __init__(self, width: int, *, depth: int, heads: int, residual: bool, dropout: float) -> None:
        """Stack `depth` blocks; the paper found three to be best.

        Raises:
            ValueError: `width` isn't a multiple of `heads`.
        """
        super().__init__()
        if width % heads:
            legal = [number for number in range(1, 33) if width % number == 0]
            raise ValueError(f"{heads} heads don't divide the joint width {width}; legal: {legal}")
        self.blocks = nn.ModuleList(Block(width, heads=heads, residual=residual, dropout=dropout) for _ in range(depth))

    def forward(self, rows: Tensor, z: Tensor) -> Tensor:
        """Intervene on target regions.

        Args:
            rows: [B, N, D] of unit norm, F.
            z: [M, D], the dictionary, or [B, M, D], one for each frame; rows of unit norm or zero.

        Returns:
            [B, N, D], F_ca, on the scale of F.
        """
        scale = rows.shape[-1] ** 0.5
        out = rows * scale
        for block in self.blocks:
            out = block(out, z * scale)
        return cast(Tensor, out / scale)


@dataclass(frozen=True)
class Record:
    """What an intervention did, an entry for each time that it was called.

    Attributes:
        before: [B, D] each, Pool(F).
        after: [B, D] each, Pool(F_ca).
        weights: [B, M] each, the attention over the dictionary, mean over heads, regions and blocks; rows sum to one.
        entropy: [B] each, of each head's attention in each region and block, over log M, then the mean: 1 where all
            weights are equal, 0 where one has all; NaN with one vector.
    """

    before: list[Tensor]
    after: list[Tensor]
    weights: list[Tensor]
    entropy: list[Tensor]


@contextmanager
def recorded(network: nn.Module) -> Iterator[Record]:
    """Record what the interventions inside a network do until the context ends; nothing of it stays behind.

    Args:
        network: runs as it always does.
    """
    record, blocks, entropies = Record([], [], [], []), list[Tensor](), list[Tensor]()

    def keep_weights(_module: nn.Module, _inputs: tuple[Tensor, ...], weights: Tensor) -> None:
        """Keep a block's attention, [B, heads, N, M], as its mean over heads and regions, and so its entropy."""
        blocks.append(weights.mean((1, 2)))
        entropies.append(relative_entropy(weights).mean((1, 2)))

    def keep_rows(_module: nn.Module, inputs: tuple[Tensor, ...], rows: Tensor) -> None:
        """Keep what went into the intervention and what came out, pooled, and the mean attention of its blocks."""
        record.before.append(pool(inputs[0]))
        record.after.append(pool(rows))
        record.weights.append(torch.stack(blocks).mean(0))
        record.entropy.append(torch.stack(entropies).mean(0))
        blocks.clear()
        entropies.clear()

    with ExitStack() as hooks:
        for part in network.modules():
            if isinstance(part, Intervention):
                hooks.callback(part.register_forward_hook(keep_rows).remove)
            if isinstance(part, CrossAttention):
                hooks.callback(part.weigh.register_forward_hook(keep_weights).remove)
        yield record


def relative_entropy(weights: Tensor) -> Tensor:
    """Return the entropy of weights, [..., M], over log M, the most that it can be: [...] in 0..1, NaN where M is 1."""
    entropy: Tensor = torch.special.entr(weights).sum(-1)
    return entropy / math.log(weights.shape[-1])


def sum_over_confounders(intervention: Intervention, rows: Tensor, z: Tensor, prior: Tensor) -> Tensor:
    """Return sum_z P(z) A(F, z), with one pass a confounder: the expectation before it is moved into the attention.

    The slow reference. It equals `intervention(rows, z)` where there is one confounder; otherwise the attention
    weighs the confounders by the row instead of by `prior`.

    Args:
        intervention: A.
        rows: [B, N, D], F.
        z: [M, D].
        prior: [M] float, P(z), sums to one.

    Returns:
        [B, N, D].
    """
    parts = [weight * intervention(rows, vector.unsqueeze(0)) for weight, vector in zip(prior, z, strict=True)]
    return torch.stack(parts).sum(0)


def pool(rows: Tensor) -> Tensor:
    """Return Pool(F_ca), the mean over the regions: [B, N, D] to [B, D]."""
    return rows.mean(1)
