"""`mcdrl pack`: a model's folder with its backbone inside, whatever its size, to take to another machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic_folder, regular
from mcdrl.model.bundle import bundle, find_backbone
from mcdrl.model.card import read_card
from mcdrl.model.facts import CARD, HISTORY, WEIGHTS
from mcdrl.model.take_along import take_along

_KEPT = (WEIGHTS, CARD, HISTORY)


def pack(model: Path, out: Path, backbone: Path | None) -> int:
    """Write a self-sufficient copy of a model's folder, with README.md and its scores if it was judged.

    Args:
        model: the folder that `train` wrote.
        out: the folder to write; it must not exist.
        backbone: where its backbone is; None: in its folder, else in its study.

    Returns:
        Bytes written.

    Raises:
        InputError: the model or its backbone can't be used, or `out` exists.
    """
    if out.exists():
        raise InputError(f"--out {out} exists; name a new folder")
    found = find_backbone(model, read_card(model).fingerprint, backbone)
    with atomic_folder(out) as partial:
        for path in [regular(model / name) for name in _KEPT]:
            if path.name != HISTORY or path.is_file():
                shutil.copyfile(path, partial / path.name)
        take_along(model, found, partial)
        bundle(found, partial, limit_bytes=None)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
