"""`mcdrl pack`: a model's folder with its backbone inside, whatever its size, to take to another machine."""

from __future__ import annotations

from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.model.bundle import find_backbone
from mcdrl.model.card import read_card
from mcdrl.model.members import members
from mcdrl.model.take_along import copy_models


def pack(model: Path, out: Path, backbone: Path | None) -> int:
    """Write a self-sufficient copy of a model's folder, with README.md and its scores if it was judged.

    Args:
        model: the folder that a stage wrote, an ensemble's, too.
        out: the folder to write; it must not exist.
        backbone: where its backbone is; None: in its folder, else in its study.

    Returns:
        Bytes written.

    Raises:
        InputError: the model or its backbone can't be used, or `out` exists.
    """
    if out.exists():
        raise InputError(f"--out {out} exists; name a new folder")
    models = {str(one.relative_to(model)): one for one in members(model)}
    first = next(iter(models.values()))
    copy_models(models, find_backbone(first, read_card(first).fingerprint, backbone), out, limit_bytes=None)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
