"""One `mcdrl run` a workspace: DVC's locks name processes of one machine, so that another one's would be taken away."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.study.paths import RUN_FOLDER

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # as some network file systems answer: it does without


def claim_path(root: Path) -> Path:
    """Return the file that says which process on which machine runs the stages of a workspace."""
    return root / RUN_FOLDER / "owner.json"


@contextmanager
def claimed(root: Path) -> Iterator[None]:
    """Keep others from running the stages of a workspace.

    Raises:
        InputError: somebody else does, on this machine or another one.
    """
    path, host, pid = claim_path(root), socket.gethostname(), os.getpid()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(path.with_suffix(".lock")):
        if path.exists() and _is_over(path):
            path.unlink()
        try:
            with path.open("x", encoding="utf-8") as stream:
                json.dump({"host": host, "pid": pid}, stream)
        except FileExistsError:
            raise InputError(_told(path)) from None
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    try:
        yield
    finally:
        if _owner(path) == (host, pid):  # who was told to remove it may have begun a run
            path.unlink()


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process of this machine at a time look whose claim there is: two might take over what is over."""
    with path.open("a", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield


def _owner(path: Path) -> tuple[str, int]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return str(value["host"]), int(value["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return "an unknown machine", 0


def _is_over(path: Path) -> bool:
    """Return whether the process was one of this machine's and has ended."""
    host, pid = _owner(path)
    if host != socket.gethostname() or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's
        return False
    return False


def _told(path: Path) -> str:
    host, pid = _owner(path)
    return (
        f"process {pid} on {host} runs the stages of this workspace, which no two runs and no two machines may share; "
        f"wait for it, or use a clone of your own, with `dvc cache dir` set to one cache; if it has ended: rm {path}"
    )
