"""Weights files of every format, read without running what is in them."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular

_NO_WEIGHTS = ("input_resolution", "context_length", "vocab_size", "attn_mask")  # constants that archives carry


def read_state(path: Path, *, trusted: bool) -> dict[str, Tensor]:
    """Read a state dict with open_clip's names: safetensors, a pickle of tensors alone, or a TorchScript archive.

    Args:
        path: the file.
        trusted: its hash is one that the card or the user named; else a TorchScript archive, which holds code, is
            refused.

    Returns:
        name -> float32 tensor (integers stay integers), on the CPU.

    Raises:
        InputError: the file isn't readable, holds other things than tensors, or isn't trusted.
    """
    if regular(path).suffix == ".safetensors":
        raw: Any = _safetensors(path)
    elif is_torchscript(path):
        raw = _torchscript(path, trusted)
    else:
        raw = _pickle(path)
    return _cleaned(raw, path)


def is_torchscript(path: Path) -> bool:
    """Say whether the file is a TorchScript archive, as OpenAI's are."""
    try:
        if not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):  # damaged, which whoever reads it will say
        return False


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        state: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise InputError(f"{path} is not a readable safetensors file ({error})") from None
    return state


def _torchscript(path: Path, trusted: bool) -> dict[str, Tensor]:
    if not trusted:
        raise InputError(
            f"{path} is a TorchScript archive, which holds code, and no hash is known for it: give sha256 in the "
            "backbone's card or @sha256:HEX behind the file's name, or supply a safetensors file"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is old; so are OpenAI's files
        try:
            state: dict[str, Tensor] = torch.jit.load(path, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
        except RuntimeError:
            raise InputError(f"{path} is a damaged TorchScript archive; get it again, or supply safetensors") from None
    return {key: value for key, value in state.items() if key not in _NO_WEIGHTS}


def _pickle(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a pickle's protocol
            return torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
        zipfile.BadZipFile,
    ):  # torch's advice is to read it anyway
        raise InputError(
            f"{path} is not a file of tensors alone: it is damaged, or holds other objects, which could run code and "
            "are not read; supply a state dict, as torch.save(model.state_dict(), FILE) writes it, or safetensors"
        ) from None


def _cleaned(raw: Any, path: Path) -> dict[str, Tensor]:
    state = raw.get("state_dict", raw) if isinstance(raw, dict) else raw
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} holds no state dict, expected names and tensors")
    named = {str(key).removeprefix("module."): value for key, value in state.items()}
    return {key: value.float() if value.is_floating_point() else value for key, value in named.items()}
