"""`mcdrl init`: a project of one's own in a new folder: pipeline, parameters, cards, git and DVC."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE, S_IWUSR
from tempfile import TemporaryDirectory

from mcdrl.base.errors import InputError
from mcdrl.base.files import new_folder
from mcdrl.study.paths import PIPELINE, PROJECT, STAGES, shipped

_OF_A_CLONE = f"    deps: [mcdrl, {STAGES}, data/sites]\n"
_ALWAYS = "    always_changed: true                     # DVC can't see an installed library\n"
_INSTALLED = f"    deps: [{STAGES}, data/sites]\n{_ALWAYS}"


def init(folder: Path) -> None:
    """Make a project: all that `dvc repro` needs beside the installed library.

    The stages are copied in, so that they belong to the project and its history; the library stays where it is
    installed. As DVC can't see it there, `plan` runs every time, in seconds, and what it says decides what else does.

    Args:
        folder: a new one, or an empty one.

    Raises:
        InputError: it holds something, or git or DVC don't work.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and isn't an empty folder; name a new one")
    with _project(folder) as partial:
        try:
            for place in PROJECT:
                _copy(shipped() / place, partial / place)
        finally:
            _make_writable(partial)
        _without_library(partial / PIPELINE)
        _run(partial, "git", "init", "-q")
        _run(partial, sys.executable, "-m", "dvc", "commit", "-f", "-q", "pretrain")  # its output comes along


@contextmanager
def _project(folder: Path) -> Iterator[Path]:
    """Yield a place to make the project in; it is in `folder` once it is complete, and nothing is if it fails.

    A folder that is there is filled, not replaced: somebody may stand in it, or a disk be mounted there.
    """
    if not folder.exists():
        with new_folder(folder) as partial:
            yield partial
        return
    with TemporaryDirectory(prefix=".", dir=folder) as partial:
        yield Path(partial)
        for path in sorted(Path(partial).iterdir()):
            path.rename(folder / path.name)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        shutil.copyfile(source, target)


def _make_writable(folder: Path) -> None:
    """Take off what comes along from a read-only installation, where nothing could be edited, nor removed."""
    for path in folder.rglob("*"):
        path.chmod(S_IMODE(path.stat().st_mode) | S_IWUSR)


def _without_library(pipeline: Path) -> None:
    """Let `plan` run every time instead of when the library's folder changes, which the project has none of."""
    text = pipeline.read_text(encoding="utf-8")
    if _OF_A_CLONE not in text:
        raise RuntimeError(f"{pipeline} has another stage plan than mcdrl init knows")
    pipeline.write_text(text.replace(_OF_A_CLONE, _INSTALLED), encoding="utf-8")


def _run(folder: Path, *command: str) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise InputError(f"{command[0]} is not installed, which a project needs; install it and run again") from None
    except subprocess.CalledProcessError as error:
        said = " ".join(str(error.stderr).split())[-300:]
        raise InputError(f"`{' '.join(command)}` failed in the new project: {said}") from None
