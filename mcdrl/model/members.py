"""ensemble.json: an ensemble is a folder of models' folders that answer by their mean; they share a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json

ENSEMBLE = "ensemble.json"
_MEMBERS = "members"
_AGAIN = "copy the folder again"


def is_ensemble(folder: Path) -> bool:
    """Return whether a folder holds several models rather than one."""
    return (folder / ENSEMBLE).is_file()


def members(folder: Path) -> list[Path]:
    """Return the models' folders of an ensemble, in its order; of any other folder, itself.

    Raises:
        InputError: ensemble.json is damaged.
    """
    if not is_ensemble(folder):
        return [folder]
    names = read_json(folder / ENSEMBLE, _AGAIN).get(_MEMBERS)
    if not isinstance(names, list) or not _are_seeds(names):
        raise InputError(f"{folder / ENSEMBLE}: {_MEMBERS} is {names!r:.60}, expected seeds, each once; {_AGAIN}")
    return [folder / name for name in names]


def _are_seeds(names: Sequence[object]) -> bool:
    """Return whether there are some names, each of digits and each there once."""
    digits = [name for name in names if isinstance(name, str) and name.isdecimal()]
    return bool(names) and len(set(digits)) == len(names)


def write_members(seeds: Sequence[str], folder: Path) -> None:
    """Write ensemble.json: the seeds of the trainings, which their folders are called by."""
    write_json({_MEMBERS: list(seeds)}, folder / ENSEMBLE)


def check_single(folder: Path) -> None:
    """Raise InputError where one network is wanted and the folder is an ensemble of several."""
    if is_ensemble(folder):
        found = members(folder)
        raise InputError(f"{folder} is an ensemble of {len(found)} networks; name one of them, such as {found[0]}")
