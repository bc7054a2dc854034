"""A job's own copy of the workspace: DVC's locks hold on one machine only, so no two machines share one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcdrl.study.paths import ARTIFACTS, LOCK

_KEPT = frozenset((".git", ".dvc", str(ARTIFACTS)))  # unfinished trainings are among the artifacts

_OWN_SETTINGS = Path(".dvc/config.local")


def prepare(workspace: Path, copy: Path, lock: Path, settings: Mapping[str, str]) -> None:
    """Make or renew a copy of what git would commit of a workspace, edits and new files, too, and set its DVC up.

    What an earlier attempt left of the artifacts stays, so that a training goes on where that one was cut off.

    Args:
        workspace: that is copied.
        copy: where to.
        lock: a copy of its dvc.lock, which is written to while jobs begin.
        settings: keys and values of DVC's configuration that hold for the copy alone.
    """
    copy.mkdir(parents=True, exist_ok=True)
    for path in copy.iterdir():
        if path.name not in _KEPT:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name in _tracked(workspace):
        _copy(workspace / name, copy / name)
    if (workspace / _OWN_SETTINGS).is_file():  # a remote's user and password, say
        _copy(workspace / _OWN_SETTINGS, copy / _OWN_SETTINGS)
    shutil.copyfile(lock, copy / LOCK)
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    for key, value in settings.items():
        dvc(copy, "config", "--local", "--quiet", key, value)


def dvc(folder: Path, *arguments: str, log: Path | None = None) -> int:
    """Run DVC in a folder and return how it ended; without a log it has to end well."""
    command = [sys.executable, "-m", "dvc", *arguments]
    if log is None:
        return subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL).returncode
    with log.open("ab") as stream:
        return subprocess.run(
            command, cwd=folder, check=False, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        ).returncode


def _tracked(workspace: Path) -> Sequence[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    listed = subprocess.run(command, cwd=workspace, check=True, capture_output=True).stdout
    return [os.fsdecode(name) for name in listed.split(b"\0") if name and (workspace / os.fsdecode(name)).is_file()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
