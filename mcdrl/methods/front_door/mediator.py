"""The mediator of a frame, and the front-door attention through it (VLCI, arXiv 2303.09117)."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.base.attention_heads import join_heads, split_heads
from mcdrl.base.device import onto
from mcdrl.base.section import Most
from mcdrl.base.seeds import generator
from mcdrl.clip.encoder import unit
from mcdrl.regions.grid import gather

Kind = Literal["attended", "random", "noise"]
Tokens = Annotated[int, Field(ge=1), Most(1024, "a grid has no more places")]


class Attention(nn.Module):
    """AF(q, k, v) = softmax(q k^T) v in several heads, each of q, k and v projected."""

    def __init__(self, width: int, *, heads: int) -> None:
        """Make it for rows of `width` channels, a multiple of `heads`."""
        super().__init__()
        self.of = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return [B, Q, width] for rows [B, Q, width], [B, N, width] and [B, N, width]."""
        return cast(Tensor, self.of(query, key, value, need_weights=False)[0])


class CausalAttention(nn.Module):
    """What rows attend to, less what they attend to where their scores are negated."""

    def __init__(self, width: int, *, heads: int) -> None:
        """Make it for rows of `width` channels, a multiple of `heads`."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # a bias would shift all scores of a query alike
        self.value, self.project = nn.Linear(width, width, bias=False), nn.Linear(width, width)

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """Return [B, heads, Q, N] for rows [B, Q, width] and [B, N, width]."""
        asked, found = split_heads(self.query(query), self.heads), split_heads(self.key(key), self.heads)
        scores: Tensor = asked @ found.transpose(-1, -2) * asked.shape[-1] ** -0.5
        return scores

    def forward(self, query: Tensor, rows: Tensor) -> Tensor:
        """Return [B, Q, width] for rows [B, Q, width] and [B, N, width]."""
        scores = self.scores(query, rows)
        mixed = (scores.softmax(-1) - (-scores).softmax(-1)) @ split_heads(self.value(rows), self.heads)
        return cast(Tensor, self.project(join_heads(mixed)))


class Mediator(nn.Module):
    """M: the places of the grid that are attended to most, fused with the grid at half its size."""

    def __init__(self, width: int, *, heads: int, tokens: int, kind: Kind, seed: int) -> None:
        """Make the mediator.

        Args:
            width: D.
            heads: of all attentions.
            tokens: places that a head of the ranking attention chooses.
            kind: `attended`; `random`: places are drawn instead; `noise`: the grid itself is.
            seed: of what is drawn once and for all.
        """
        super().__init__()
        self.tokens, self.kind, self.seed = tokens, kind, seed
        self.causal = CausalAttention(width, heads=heads)
        self.among, self.whole = Attention(width, heads=heads), Attention(width, heads=heads)

    def forward(self, dense: Tensor) -> Tensor:
        """Return M, [B, heads x tokens, D], of dense features [B, D, H, W] of unit norm."""
        if self.kind == "noise":
            dense = self._noise(dense)
        dense = dense * dense.shape[1] ** 0.5  # entries of unit size
        rows = _rows(dense)
        local = gather(dense, self.places(rows))
        local = local + self.causal(local, rows)
        local = local + self.among(local, local, local)
        coarse = _rows(F.avg_pool2d(dense, 2, ceil_mode=True))
        return cast(Tensor, local + self.whole(local, coarse, coarse))

    def places(self, rows: Tensor) -> Tensor:
        """Return the chosen places, [B, heads x tokens] long, those of one head after those of another.

        A head chooses those that all places together attend to most.

        Args:
            rows: [B, N, D].
        """
        attended = self._drawn(rows) if self.kind == "random" else self.causal.scores(rows, rows).softmax(-1).mean(2)
        return attended.topk(min(self.tokens, rows.shape[1]), dim=2).indices.flatten(1)

    def _drawn(self, rows: Tensor) -> Tensor:
        """Return numbers to rank places by, [B, heads, N]: drawn anew in training, the same ones ever after."""
        if self.training:
            return onto(torch.rand(rows.shape[0], self.causal.heads, rows.shape[1]), rows.device)
        drawn = self._generator().random((self.causal.heads, int(rows.shape[1])), np.float32)
        return onto(torch.tensor(drawn), rows.device).expand(rows.shape[0], -1, -1)

    def _noise(self, dense: Tensor) -> Tensor:
        """Return vectors of unit norm that know nothing of the frame, the same for all."""
        drawn = self._generator().standard_normal([int(side) for side in dense.shape[1:]], np.float32)
        return onto(unit(torch.tensor(drawn), 0), dense.device).to(dense).expand(dense.shape[0], -1, -1, -1)

    def _generator(self) -> np.random.Generator:
        return generator(self.seed, "mediator")  # none of torch's, which has no place in an exported file


class FrontDoorAttention(nn.Module):
    """x + AF(x, M, v), v = AF(M, x, x)."""

    def __init__(self, width: int, mediator: int, *, heads: int) -> None:
        """Make it for x of `width` channels and a mediator of `mediator` channels."""
        super().__init__()
        self.norm_x, self.norm_mediator = nn.LayerNorm(width), nn.LayerNorm(mediator)
        self.mediator = nn.Linear(mediator, width)
        self.collect, self.spread = Attention(width, heads=heads), Attention(width, heads=heads)

    def forward(self, x: Tensor, mediator: Tensor) -> Tensor:
        """Return [B, width, h, w] for x of that shape and M [B, L, mediator]."""
        rows, tokens = self.norm_x(_rows(x)), self.mediator(self.norm_mediator(mediator))
        spread = self.spread(rows, tokens, self.collect(tokens, rows, rows))
        added: Tensor = spread.transpose(1, 2).reshape(x.shape)
        return x + added


def _rows(grid: Tensor) -> Tensor:
    """Return a grid [B, C, h, w] as rows [B, hw, C]."""
    return grid.flatten(2).transpose(1, 2)
