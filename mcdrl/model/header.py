"""What a file of weights holds by its header, so that it can be refused before memory is taken for any number in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular

Kind = tuple[tuple[int, ...], str]  # a tensor's shape and the type of its numbers, as safetensors call it
_TYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_SHOWN = 3


def read_header(path: Path) -> dict[str, Kind]:
    """Return what a safetensors file holds, name -> shape and type; its numbers aren't read.

    Raises:
        InputError: it isn't there, or is none.
    """
    with _told(path), safe_open(regular(path), framework="pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
        return {name: (tuple(part.get_shape()), str(part.get_dtype())) for name, part in slices.items()}


def read_tensors(path: Path, prefix: str) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file whose names begin with `prefix`, by their names without it.

    Raises:
        InputError: as `read_header`.
    """
    with _told(path), safe_open(regular(path), framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def kinds(state: Mapping[str, Tensor], prefix: str = "") -> dict[str, Kind]:
    """Return the shapes and types of tensors, which may be on the device `meta`, under their names behind `prefix`."""
    return {f"{prefix}{name}": (tuple(value.shape), _TYPES[value.dtype]) for name, value in state.items()}


def misfits(found: Mapping[str, Kind], expected: Mapping[str, Kind]) -> str:
    """Return what of a file isn't as expected, the first few of each sort; empty: all of it is."""
    differ = [
        f"{name} is {_shown(found[name])}, expected {_shown(kind)}"
        for name, kind in expected.items()
        if name in found and found[name] != kind
    ]
    lacking, extra = [name for name in expected if name not in found], [name for name in found if name not in expected]
    sorts = (("missing", lacking), ("unexpected", extra), ("of another shape or type", differ))
    return "; ".join(f"{len(names)} {sort}: {', '.join(names[:_SHOWN])}" for sort, names in sorts if names)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} can't be read ({error}); copy the folder again, or run `dvc repro train`") from None


def _shown(kind: Kind) -> str:
    shape, code = kind
    return f"{' x '.join(map(str, shape)) or 'one number'} {code}"
