"""A job's own copy of the workspace: DVC's locks hold on one machine only, so no two machines share one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.study.paths import ARTIFACTS, LOCK

_GIT, _CLONE = ".git", ".clone.partial"
_KEPT = frozenset((_GIT, ".dvc", str(ARTIFACTS)))  # unfinished trainings are among the artifacts

_OWN_SETTINGS, _DVC_TMP = Path(".dvc/config.local"), Path(".dvc/tmp")


def check_git(workspace: Path) -> None:
    """Check that a workspace is one that can be copied: the top folder of a git repository.

    Raises:
        InputError: it isn't.
    """
    if not (workspace / _GIT).exists():
        raise InputError(
            "--slurm: a job works in a copy of what git would commit, and "
            f"{workspace.resolve()} is not the top folder of a git repository; git init makes it one"
        )


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
    shutil.rmtree(copy / _DVC_TMP, ignore_errors=True)  # an attempt that was killed may have left half a lock file
    for name in _tracked(workspace):
        _copy(workspace / name, copy / name)
    if (workspace / _OWN_SETTINGS).is_file():  # a remote's user and password, say
        _copy(workspace / _OWN_SETTINGS, copy / _OWN_SETTINGS)
    shutil.copyfile(lock, copy / LOCK)
    _give_history(workspace, copy)
    for key, value in settings.items():
        subprocess.run([sys.executable, "-m", "dvc", "config", "--local", key, value], cwd=copy, check=True)


def _give_history(workspace: Path, copy: Path) -> None:
    """Let the copy be a git repository with the workspace's commits, without which dvclive writes nothing."""
    clone = copy / _CLONE
    subprocess.run(["git", "clone", "--quiet", "--shared", "--no-checkout", str(workspace), str(clone)], check=True)
    shutil.rmtree(copy / _GIT, ignore_errors=True)
    (clone / _GIT).rename(copy / _GIT)
    clone.rmdir()


def dvc(folder: Path, *arguments: str, log: Path) -> int:
    """Run DVC in a folder and return how it ended; if we are ended ourselves, nothing of it is left.

    Args:
        folder: to run it in.
        arguments: of DVC.
        log: where what it prints goes, after what is there.
    """
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return process.wait()
    except BaseException:  # a job that is queued anew exits within this
        os.killpg(process.pid, signal.SIGKILL)
        raise


def _tracked(workspace: Path) -> Sequence[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    listed = subprocess.run(command, cwd=workspace, check=True, capture_output=True).stdout
    return [os.fsdecode(name) for name in listed.split(b"\0") if name and (workspace / os.fsdecode(name)).is_file()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
