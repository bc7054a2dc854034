"""What lies below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from stages.core.base.errors import InputError


def files_below(top: Path) -> Iterator[Path]:
    """Yield what is no folder below `top`, hidden names aside; folders behind links, too, and no folder twice.

    Raises:
        InputError: a folder can't be read.
    """
    entered: set[str] = set()
    for folder, folders, files in os.walk(top, followlinks=True, onerror=_refuse):
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        visible = [name for name in folders if not name.startswith(".")]
        folders[:] = sorted(visible, key=lambda name: (Path(folder, name).is_symlink(), name))
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def unhashable(top: Path) -> list[Path]:
    """Return what DVC can't hash below a folder: links to nothing make it stop, pipes and the like make it wait."""
    below = (Path(folder, name) for folder, _, files in os.walk(top) for name in files)
    return sorted(path for path in below if not path.is_file())


def _refuse(error: OSError) -> None:
    raise InputError(f"the folder {error.filename} can't be read: {error.strerror}") from error
