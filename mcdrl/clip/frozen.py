"""What the encoders of the open_clip family share: a frozen model whose last part can be copied and trained."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.clip.encoder import Encoded, Encoder, LowerBlocks, UpperBlocks, unit
from mcdrl.study.dense_modes import check_renamed

_PROMPTS_AT_ONCE = 64


@dataclass(frozen=True)
class Setup:
    """How a model is used.

    Attributes:
        mean, std: of the three channels of frames in 0..1.
        taps: intermediate maps to keep, fine to coarse; None: the tower's default.
        suffix_from: the tap after which the upper blocks start; None: the tower's default.
        dense_mode: how the map is made dense.
        fingerprint: of weights and configuration.
        tokenizer: open_clip's SimpleTokenizer, prompts -> [n, L] long.
    """

    mean: Sequence[float]
    std: Sequence[float]
    taps: Sequence[str] | None
    suffix_from: str | None
    dense_mode: str
    fingerprint: str
    tokenizer: Any


class ClipLowerBlocks(LowerBlocks):
    """The first part of an open_clip image tower, standardisation of the frames included."""

    mean: Tensor
    std: Tensor

    def __init__(self, setup: Setup) -> None:
        """Take the standardisation."""
        super().__init__()
        self.register_buffer("mean", torch.tensor(setup.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(setup.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Encode up to the prefix; see `LowerBlocks`."""
        return self.prefix((frames - self.mean) / self.std)

    @abstractmethod
    def prefix(self, pixels: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return what the upper blocks start from and the maps before it, of standardised frames [B, 3, S, S]."""


class FrozenClip(Encoder):
    """An open_clip model whose image tower is run in two parts: up to the prefix, and from there on."""

    def __init__(self, model: Any, lower: ClipLowerBlocks, upper: UpperBlocks, setup: Setup) -> None:
        """Freeze the model.

        Args:
            model: an `open_clip.CLIP`.
            lower: the image tower's first blocks, sharing the model's own modules.
            upper: the image tower's last blocks, likewise.
            setup: how it is used.
        """
        super().__init__()
        self.model, self.lower, self.upper = model, lower, upper
        self.tokenizer = setup.tokenizer
        self.size_px, self.width = side_px(model.visual), int(model.visual.output_dim)
        self.fingerprint, self.dense_mode = setup.fingerprint, setup.dense_mode
        self.prefix_tap = setup.suffix_from if setup.suffix_from in (setup.taps or ()) else None
        self.requires_grad_(False).eval()

    def encode(self, frames: Tensor) -> Encoded:
        """Encode frames, [B, 3, size_px, size_px] float in 0..1, without gradients.

        Raises:
            ValueError: the frames have another shape.
        """
        if frames.shape[1:] != (3, self.size_px, self.size_px):
            raise ValueError(f"frames are {tuple(frames.shape)}, expected (B, 3, {self.size_px}, {self.size_px})")
        with torch.no_grad():
            prefix, maps = self.lower(frames)
            encoded: Encoded = self.upper(prefix, maps)
        return encoded

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts, [n, D] float32 of unit norm, without gradients."""
        device = self.lower.mean.device
        parts = [torch.empty(0, self.width, device=device)]
        with torch.no_grad():
            for start in range(0, len(prompts), _PROMPTS_AT_ONCE):
                tokens = self.tokenizer(list(prompts[start : start + _PROMPTS_AT_ONCE])).to(device)
                parts.append(unit(self.model.encode_text(tokens).float(), dim=1))
        return torch.cat(parts)

    def unknown_words(self, prompts: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Return nothing: the tokenizer splits unknown words into known pieces."""
        return []

    def too_long(self, prompts: Sequence[str]) -> list[str]:
        """Return the prompts that have more tokens than fit between the two that mark start and end."""
        room = self.model.context_length - 2
        return [prompt for prompt in prompts if len(self.tokenizer.encode(prompt)) > room]

    def lower_blocks(self) -> LowerBlocks:
        """Return a trainable copy of the lower blocks, initialised with the encoder's own weights."""
        return copy.deepcopy(self.lower).requires_grad_(True).train()

    def upper_blocks(self) -> UpperBlocks:
        """Return a trainable copy of the upper blocks, initialised with the encoder's own weights."""
        return copy.deepcopy(self.upper).requires_grad_(True).train()

    def train(self, mode: bool = True) -> FrozenClip:  # noqa: ARG002
        """Stay in evaluation mode, whatever is asked: the encoder is frozen."""
        return super().train(False)


def side_px(visual: Any) -> int:
    """Return the side of the square frames that an open_clip image tower takes.

    Raises:
        InputError: it takes frames that aren't square.
    """
    size = visual.image_size
    height, width = size if isinstance(size, tuple) else (size, size)
    if height != width:
        raise InputError(f"the backbone takes frames of {width}x{height} px; only square ones are supported")
    return int(height)


def choose(key: str, name: str, legal: Sequence[str]) -> str:
    """Return what a key of the backbone's card says if it is legal; `encode.dense` may stand in for the card's `dense`.

    Raises:
        InputError: it isn't legal; names the nearest.
    """
    where = "encode.dense of params.yaml, or dense of the card," if key == "dense" else f"{key} of the card"
    try:
        check_renamed(name)
    except ValueError as error:
        raise InputError(f"{where} says {error}, and run `dvc repro`") from None
    if name not in legal:
        raise InputError(f"{where} says '{name}', which this backbone doesn't have; {nearest(name, legal)}")
    return name
