"""Frames to features as they are stored: float16, channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.errors import InputError
from mcdrl.clip.encoder import Encoded, Encoder

Array = np.ndarray[Any, np.dtype[Any]]
_EXPONENT = np.uint16(0x7C00)  # of a float16: its bits are all set where the value is infinite or no number


def encode(encoder: Encoder, images: Array, cases: Sequence[str]) -> dict[str, Array]:
    """Encode one batch.

    Args:
        encoder: a frozen encoder, on its device.
        images: [B, Y, X, 3] uint8, RGB; squashed to the encoder's side if they have another one.
        cases: the frames' case ids, for messages.

    Returns:
        Dataset of FEATURES (`maps__<tap>` for a map) -> [B, ...] float16, channels last; of the prefix what isn't the
        map of the encoder's `prefix_tap`.

    Raises:
        InputError: a feature isn't a finite float16, so that the weights can't be right.
    """
    device = next(encoder.parameters()).device
    half = precision(device) == torch.bfloat16
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        encoded = encoder.encode(to_frames(images, encoder.size_px, device))
    rows = {name: _half(value) for name, value in datasets(encoded, encoder.prefix_tap).items()}
    for name, array in rows.items():
        _check_finite(name, array, cases)
    return rows


def precision(device: torch.device) -> torch.dtype:
    """Return the precision that frames are encoded in on a device: bfloat16 on CUDA, else float32."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def to_frames(images: Array, size_px: int, device: torch.device) -> Tensor:
    """Return stored images as frames, [B, 3, size_px, size_px] float32 in 0..1, on the device."""
    return squashed(torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255, size_px)


def squashed(frames: Tensor, size_px: int) -> Tensor:
    """Return frames, [B, 3, Y, X] float32 in 0..1, at the given side; those that have it are returned as they are."""
    if tuple(map(int, frames.shape[2:])) == (size_px, size_px):
        return frames
    small = F.interpolate(frames, (size_px, size_px), mode="bilinear", antialias=True, align_corners=False)
    return small.clamp(0, 1)


def datasets(encoded: Encoded, prefix_tap: str | None = None) -> dict[str, Tensor]:
    """Return what is stored of an encoder's answer under its dataset's name; maps and the dense map channels last.

    Args:
        encoded: the answer.
        prefix_tap: as the encoder has it.
    """
    maps = {f"maps__{tap}": value.permute(0, 2, 3, 1) for tap, value in encoded.maps.items()}
    dense = encoded.dense.permute(0, 2, 3, 1)
    return {"dense": dense, "image": encoded.image_embedding, **maps, **_beside(encoded, prefix_tap)}


def _beside(encoded: Encoded, prefix_tap: str | None) -> dict[str, Tensor]:
    """Return what is stored of the prefix: all of it, the tokens before a map's, or nothing where it is the map."""
    if prefix_tap is None:
        return {"prefix": encoded.prefix}
    if encoded.prefix.dim() == 4:
        return {}
    height, width = encoded.maps[prefix_tap].shape[2:]
    return {"prefix": encoded.prefix[:, : -height * width]}


def _half(value: Tensor) -> Array:
    array: Array = value.to(torch.float16).cpu().numpy()
    return array


def _check_finite(name: str, array: Array, cases: Sequence[str]) -> None:
    bits = array.reshape(len(array), -1).view(np.uint16)  # of which NumPy tells in a seventh of the time
    finite = ((bits & _EXPONENT) != _EXPONENT).all(axis=1)
    if not finite.all():
        case, where = cases[int(np.argmin(finite))], name.replace("__", "/")
        raise InputError(
            f"frame '{case}': {where} isn't finite in float16, so the backbone's weights are damaged or of another "
            "model; run `dvc repro backbone -f`, or supply other weights"
        )
