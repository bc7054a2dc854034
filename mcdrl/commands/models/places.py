"""Where results may not go: among what they are made from, and into a model's folder."""

from __future__ import annotations

import os
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_any_json
from mcdrl.model.facts import CARD
from mcdrl.model.members import ENSEMBLE

_KEYS = {CARD: {"lesion_classes", "size_px", "fingerprint"}, ENSEMBLE: {"members"}}  # of which other programs' lack all


def check_apart(place: Path, out: Path) -> None:
    """Check that neither a folder of frames nor that of the results lies in the other one.

    Raises:
        InputError: one does.
    """
    inside, outside = real(place), real(out)
    if inside == outside or inside in outside.parents:
        raise InputError(
            f"--out {out} lies in {place}: pictures there would count as frames next time; choose another folder"
        )
    if outside in inside.parents:
        raise InputError(f"--out {out} holds {place}: files there could be replaced; choose another folder")


def check_no_model(out: Path) -> None:
    """Check that the folder of the results isn't a model's, and doesn't lie in one, which has to stay as it is.

    Raises:
        InputError: it is or does.
    """
    outside = real(out)
    for folder in (outside, *outside.parents):
        if any(_is_ours(folder / name) for name in _KEYS):
            raise InputError(f"--out {out} is a model's folder or lies in one ({folder}); name another folder")


def _is_ours(path: Path) -> bool:
    """Return whether a file is a model's card or an ensemble's; other programs call files so, too.

    One that can't be read is taken for ours.
    """
    if not path.is_file():
        return False
    try:
        value = read_any_json(path, "")
    except InputError:
        return True
    return isinstance(value, dict) and not _KEYS[path.name].isdisjoint(value)


def real(path: Path) -> Path:
    """Return where a path leads, also one that isn't there."""
    return Path(os.path.realpath(path))  # unlike Path.resolve it puts up with links that lead in a circle
