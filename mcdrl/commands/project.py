"""Commands that need a project's folder, and those that do without."""

from __future__ import annotations

from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.study.paths import PARAMS, PIPELINE

WITHOUT = (
    "`mcdrl init FOLDER` makes one; without one, `mcdrl predict`, `accept`, `export`, `pack` and `inspect` work on a "
    "model's folder, `mcdrl sites check FOLDER` on frames, and `mcdrl sites cards`, `mcdrl studies list` and `mcdrl "
    "models list` show what comes along"
)


def check_project(folder: Path = Path()) -> None:
    """Check that a folder is a project's, be it an incomplete one.

    Raises:
        InputError: it isn't; says what works without a project.
    """
    if lacking := no_project(folder):
        raise InputError(f"there is {lacking}; {WITHOUT}")


def no_project(folder: Path) -> str:
    """Return that a folder is no project's, not even an incomplete one's; empty: it is."""
    if any((folder / name).is_file() for name in (PARAMS, PIPELINE)):
        return ""
    return f"no project in {folder.resolve()}, which holds neither {PARAMS} nor {PIPELINE}"
