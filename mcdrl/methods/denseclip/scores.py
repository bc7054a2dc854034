"""How well each place fits each text, texts refined by the frame, and the loss on that (arXiv 2112.01518)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mcdrl.clip.encoder import unit
from mcdrl.networks.interface import Batch


class ContextDecoder(nn.Module):
    """C(t, F): what a frame adds to the texts, which attend to one another and to the frame."""

    def __init__(self, width: int, inner: int, *, depth: int, heads: int, dropout: float) -> None:
        """Make it for texts and features of D = `width`, with `depth` layers of `inner` channels."""
        super().__init__()
        self.of_frame = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, inner), nn.LayerNorm(inner))
        self.of_text = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, inner))
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(
                inner, heads, 4 * inner, dropout=dropout, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.out = nn.Sequential(nn.LayerNorm(inner), nn.Linear(inner, width))

    def forward(self, texts: Tensor, whole: Tensor, dense: Tensor) -> Tensor:
        """Return [B, T, D] for texts of that shape and a frame's features, [B, D] and [B, D, H, W]."""
        seen = torch.cat([whole.unsqueeze(1), dense.flatten(2).transpose(1, 2)], 1)
        seen, x = self.of_frame(seen), self.of_text(texts)
        for layer in self.layers:
            x = layer(x, seen)
        return cast(Tensor, self.out(x))


def scores(dense: Tensor, texts: Tensor) -> Tensor:
    """Return the cosines of places, [B, D, H, W] of unit norm, and a frame's own texts, [B, T, D]: [B, T, H, W]."""
    return torch.einsum("bdhw,btd->bthw", dense, unit(texts, 2).to(dense.dtype))


def score_entropy(scores: Tensor, batch: Batch) -> Tensor:
    """Return the mean over pixels of -log p, p what a softmax gives to what the mask says there.

    That is background, or any of the classes that the frame's mask has; any class at all where none is known. Pixels
    that nobody judged count zero.

    Args:
        scores: [B, 1 + K, S, S] float, of background and the classes.
        batch: with the masks and their classes.
    """
    logs = scores.log_softmax(1)
    held = batch.classes(scores.shape[1] - 1)
    held = held | ~held.any(1, keepdim=True)
    lesion = logs[:, 1:].masked_fill(~held[..., None, None], float("-inf")).logsumexp(1)
    healthy = batch.judged & ~batch.lesion
    return -(logs[:, 0] * healthy + lesion * batch.lesion).mean()
