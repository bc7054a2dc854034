"""Weights in half precision, for folders that are handed on; they are read as single precision again."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from mcdrl.artifacts.held_out_scores import HELD_OUT_SCORES, read_held_out_scores, write_held_out_scores
from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic, read_json, sha256, write_json
from mcdrl.model.facts import CARD, WEIGHTS
from mcdrl.model.header import read_tensors

_TEXTS = "texts."  # a few numbers, which frames are compared with: they stay as they are


def halve(folder: Path) -> None:
    """Write a model's weights in half precision, in place; card and scores then name the new file.

    Raises:
        InputError: the weights can't be read, or one is too large for half precision.
    """
    path = folder / WEIGHTS
    content = save({name: _half(name, value, path) for name, value in sorted(read_tensors(path, "").items())})
    with atomic(path) as partial:
        partial.write_bytes(content)
    stamp = {"weights_sha256": sha256(path)}
    write_json({**read_json(folder / CARD), **stamp}, folder / CARD)
    if (folder / HELD_OUT_SCORES).is_file():
        write_held_out_scores(read_held_out_scores(folder).model_copy(update=stamp), folder)


def _half(name: str, value: Tensor, path: Path) -> Tensor:
    if name.startswith(_TEXTS) or value.dtype != torch.float32:
        return value.contiguous()
    if bool((value.abs() > torch.finfo(torch.float16).max).any()):
        raise InputError(f"{path}: {name} is too large for half precision; pack the model without --small")
    return value.half().contiguous()
