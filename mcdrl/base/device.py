"""Where networks run: a fact of the machine, so an option and no parameter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mcdrl.base.errors import InputError


def pick_device(name: str) -> torch.device:
    """Return the device of that name; auto: the GPU if there is one, else the CPU.

    Raises:
        InputError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"--device {name} can't be used here ({reason}); use auto or cpu") from None
    return device


def onto(value: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; nobody waits for a copy from the CPU to CUDA, which runs in the order of the work.

    The other way round, and asking a tensor there for a number, waits until all work before it is done.
    """
    return value.to(device, non_blocking=device.type == "cuda")


def numbers_beside(values: Any, like: Tensor) -> Tensor:
    """Return numbers as a tensor of the type and on the device of another one; as `onto`, which `new_tensor` isn't."""
    return onto(torch.tensor(values, dtype=like.dtype), like.device)


def resolved_precision(name: str, device_type: str) -> str:
    """Return the precision that networks run in: as it is named, and for auto bf16-mixed on CUDA, else 32-true."""
    if name != "auto":
        return name
    return "bf16-mixed" if device_type == "cuda" else "32-true"


def allow_tf32(precision: str, device_type: str) -> None:
    """Let CUDA round what stays in float32 to TF32 where all else is in bfloat16, which is coarser, and nowhere else.

    That is of products and convolutions; the latter torch rounds unless it is told otherwise.
    """
    allowed = precision == "bf16-mixed" and device_type == "cuda"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def in_float32(device: torch.device) -> torch.autocast:
    """Return what leaves products of float32 values in float32, whatever autocast says around it.

    A cast alone doesn't: autocast rounds what goes into a product to bfloat16 again.
    """
    return torch.autocast(device.type, enabled=False)


@contextmanager
def unrounded(device: torch.device) -> Iterator[None]:
    """Compute as `in_float32` says, and without TF32; for what is ranked, where the last digits decide."""
    with _tf32("32-true", device), in_float32(device):
        yield


@contextmanager
def as_trained(name: str, device: torch.device) -> Iterator[None]:
    """Run networks in the precision that `train.precision` names, as training does; then all is as before.

    Args:
        name: 32-true, bf16-mixed or auto.
        device: that they run on.
    """
    precision = resolved_precision(name, device.type)
    half = precision == "bf16-mixed"
    with _tf32(precision, device), torch.autocast(device.type, torch.bfloat16, enabled=half):
        yield


@contextmanager
def _tf32(precision: str, device: torch.device) -> Iterator[None]:
    """Allow TF32 as `allow_tf32` says; then it is as before."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    allow_tf32(precision, device.type)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
