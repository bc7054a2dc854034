"""lite0's text tower: a small transformer over whole words, of the shipped weights' size, which is no parameter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mcdrl.clip.encoder import unit
from mcdrl.clip.words import Vocabulary

_DEPTH, _HEADS = 2, 4
_LONGEST_PERIOD = 1000.0  # words; of the slowest sine that marks positions


class TextTower(nn.Module):
    """Word numbers to joint space: embedding, sine positions, pre-norm transformer, mean over words.

    Sine positions need no table, so a prompt may have any length.
    """

    def __init__(self, *, words: int, width: int, joint: int) -> None:
        """Build the tower.

        Args:
            words: how many word numbers there are, `len(Vocabulary)`.
            width: of the transformer, even.
            joint: D, width of the joint space.
        """
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        layer = nn.TransformerEncoderLayer(
            width, _HEADS, 2 * width, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, _DEPTH, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.out = nn.Linear(width, joint)

    def forward(self, numbers: Tensor, real: Tensor) -> Tensor:
        """Encode padded prompts.

        Args:
            numbers: [n, L] long, word numbers; anything where `real` is False.
            real: [n, L] bool, False at the padding; at least one True a row.

        Returns:
            [n, D] float, unit norm.
        """
        x = self.embedding(numbers) + positions(numbers.shape[1], self.embedding.embedding_dim).to(numbers.device)
        x = self.layers(x, src_key_padding_mask=~real)  # [n, L, width]
        mean = (x * real[..., None]).sum(1) / real.sum(1, keepdim=True)
        return unit(self.out(mean), dim=1)


def positions(length: int, width: int) -> Tensor:
    """Return the sines and cosines that mark word positions, [length, width] float32 in -1..1."""
    period = torch.exp(torch.arange(0, width, 2) * (-math.log(_LONGEST_PERIOD) / width))
    angle = torch.arange(length)[:, None] * period
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return the rows as one [n, L] long tensor and where it is real, [n, L] bool."""
    numbers = torch.zeros(len(rows), max(len(row) for row in rows), dtype=torch.long)
    real = torch.zeros_like(numbers, dtype=torch.bool)
    for index, row in enumerate(rows):
        numbers[index, : len(row)] = torch.tensor(row)
        real[index, : len(row)] = True
    return numbers, real


def encode_prompts(tower: TextTower, vocabulary: Vocabulary, prompts: Sequence[str]) -> Tensor:
    """Encode each prompt by itself, so that its vector doesn't depend on its neighbours.

    Returns:
        [n, D] float32, unit norm.

    Raises:
        InputError: a prompt has no word.
    """
    device = tower.embedding.weight.device
    rows = [vocabulary.numbers(prompt) for prompt in prompts]
    with torch.no_grad():
        vectors = [tower(*(part.to(device) for part in pad([row])))[0] for row in rows]
    width = tower.out.out_features
    return torch.stack(vectors).float() if vectors else torch.empty(0, width)
