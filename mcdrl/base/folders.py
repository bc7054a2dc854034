"""What lies below a folder."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from mcdrl.base.errors import InputError

_NOT_HASHED = frozenset((".git", ".hg", ".dvc", "__pycache__"))  # folders that DVC passes over


def walked(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield `top` and each folder below it with its files' names, sorted, hidden names aside.

    Folders behind links come after all others, and none comes twice.

    Raises:
        InputError: a folder can't be read.
    """
    waiting, entered = [top], set()
    while waiting:
        for folder, folders, files in os.walk(waiting.pop(0), onerror=_refuse):
            real = os.path.realpath(folder)
            if real in entered:
                folders.clear()
                continue
            entered.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            waiting += [Path(folder, name) for name in folders if Path(folder, name).is_symlink()]
            yield Path(folder), sorted(name for name in files if not name.startswith("."))


def unhashable(top: Path) -> list[Path]:
    """Return what DVC can't hash below a folder: it stops at links to nothing and waits for ever for pipes."""
    found = []
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in _NOT_HASHED]
        found += [Path(folder, name) for name in files if not _is_partial(name)]
    return sorted(path for path in found if not path.is_file())


def check_hashable(top: Path) -> None:
    """Check that DVC can hash all that lies below a folder.

    Raises:
        InputError: it can't.
    """
    if stops := unhashable(top):
        what = "no regular file" if stops[0].exists() else "a link to nothing"
        more = f" (and {len(stops) - 1} more like it)" if len(stops) > 1 else ""
        raise InputError(f"{stops[0]} is {what}, which DVC can't read{more}; remove it")


def _is_partial(name: str) -> bool:
    return name.startswith(".") and name.endswith(".partial")  # as .dvcignore has it


def _refuse(error: OSError) -> None:
    raise InputError(f"the folder {error.filename} can't be read: {error.strerror}") from error


def composed(text: str) -> str:
    """Return `text` in Unicode's composed form, in which names from different systems compare equal."""
    return unicodedata.normalize("NFC", text)
