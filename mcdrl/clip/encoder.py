"""What the pipeline asks of a CLIP model, whichever family it is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SIDES_PX = range(32, 1025, 32)  # in steps of the coarsest stride, so that the maps of a frame fit onto each other


@dataclass(frozen=True)
class Encoded:
    """What an encoder says of B frames.

    Attributes:
        dense: [B, D, H, W] float, joint space, unit norm along D.
        image_embedding: [B, D] float, the whole frame in joint space, unit norm.
        maps: tap -> [B, C, h, w] float, intermediate maps from fine to coarse; a tap is named for its stride, as
            "s4", or for its block, as "b6".
        prefix: [B, ...] float, what the encoder's upper blocks, which can be trained, start from.
    """

    dense: Tensor
    image_embedding: Tensor
    maps: Mapping[str, Tensor]
    prefix: Tensor


class UpperBlocks(nn.Module, ABC):
    """The last blocks of an encoder, trainable, from a cached prefix to joint space.

    Attributes:
        made: the taps whose maps they make; those of other taps are handed through.
    """

    made: Collection[str]

    @abstractmethod
    def forward(self, prefix: Tensor, maps: Mapping[str, Tensor]) -> Encoded:
        """Encode again from the prefix on.

        Args:
            prefix: [B, ...] float, as in `Encoded`.
            maps: the cached maps; those of lower blocks are handed through, the later ones replaced.
        """


class LowerBlocks(nn.Module, ABC):
    """The first blocks of an encoder, trainable or frozen, from frames to what the upper blocks start from."""

    @abstractmethod
    def forward(self, frames: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Encode up to the prefix.

        Args:
            frames: [B, 3, S, S] float in 0..1, S the encoder's side.

        Returns:
            The prefix and the maps before it, as in `Encoded`.
        """

    def frozen(self) -> LowerBlocks:
        """Return these blocks, or quicker ones that say the same, without anything to train."""
        return self.requires_grad_(False)


class Encoder(nn.Module, ABC):
    """A frozen CLIP model.

    Attributes:
        width: D, the width of the joint space.
        size_px: the side of the square frames that it takes.
        fingerprint: hex digest of the weights and the configuration, of both towers.
        dense_mode: how the map is made dense, such as "plain" or "maskclip"; equal fingerprints and modes mean equal
            features.
        resizes: whether frames of all sides in `SIDES_PX` serve; the maps grow with them.
        prefix_tap: the tap whose map the prefix is: as it is, or as tokens [B, T+HW, C] behind T others, so that it
            need not be stored twice; None: it is no tap's.
    """

    width: int
    size_px: int
    fingerprint: str
    dense_mode: str
    resizes: bool = False
    prefix_tap: str | None = None

    @abstractmethod
    def encode(self, frames: Tensor) -> Encoded:
        """Encode frames, [B, 3, size_px, size_px] float in 0..1, without gradients; of other sides if it `resizes`."""

    @abstractmethod
    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts, [n, D] float32 of unit norm, without gradients."""

    @abstractmethod
    def unknown_words(self, prompts: Sequence[str]) -> list[str]:
        """Return the words that the text tower has never seen, in order of appearance; empty where any text serves."""

    def too_long(self, prompts: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Return the prompts of which the text tower reads the beginning alone; none where it reads any length."""
        return []

    @abstractmethod
    def lower_blocks(self) -> LowerBlocks:
        """Return a trainable copy of all blocks below the upper ones, initialised with the encoder's own weights."""

    @abstractmethod
    def upper_blocks(self) -> UpperBlocks:
        """Return a trainable copy of the last blocks, initialised with the encoder's own weights."""


def keep_statistics(module: nn.Module) -> None:
    """Put all batch normalisation in `module` into evaluation mode, so that its stored statistics stay."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()


def unit(vectors: Tensor, dim: int) -> Tensor:
    """Return `vectors` with unit Euclidean norm along `dim`; zero vectors stay zero."""
    return torch.nn.functional.normalize(vectors, dim=dim, eps=1e-6)
