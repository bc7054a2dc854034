"""One `mcdrl run` a workspace: DVC's locks name processes of one machine, so that another one's would be taken away."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.locks import one_at_a_time
from mcdrl.study.paths import RUN_FOLDER

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19  # place of the time since the boot at which a process began in /proc/PID/stat, behind the program's name


@dataclass(frozen=True)
class _Owner:
    """The process that runs the stages of a workspace.

    Attributes:
        host: its machine.
        pid: its number, which another process may have had before: after a reboot, in a container that is started anew.
        started: what tells them apart; None: the system doesn't say.
    """

    host: str
    pid: int
    started: str | None = None


def claim_path(root: Path) -> Path:
    """Return the file that says which process on which machine runs the stages of a workspace."""
    return root / RUN_FOLDER / "owner.json"


@contextmanager
def claimed(root: Path) -> Iterator[None]:
    """Keep others from running the stages of a workspace.

    Raises:
        InputError: somebody else does, on this machine or another one.
    """
    path, own = claim_path(root), _Owner(socket.gethostname(), os.getpid(), _started(os.getpid()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(path.with_suffix(".lock")):
        if path.exists() and _is_over(path):
            path.unlink()
        try:
            with path.open("x", encoding="utf-8") as stream:
                json.dump(asdict(own), stream)
        except FileExistsError:
            raise InputError(_told(path)) from None
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    try:
        yield
    finally:
        if _owner(path) == own:  # who was told to remove it may have begun a run
            path.unlink()


def _owner(path: Path) -> _Owner:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return _Owner(str(value["host"]), int(value["pid"]), value.get("started"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _Owner("an unknown machine", 0)


def _started(pid: int) -> str | None:
    """Return by what a process differs from others that had or will have its number; None: the system doesn't say."""
    with suppress(OSError):
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return f"{_BOOT.read_text(encoding='utf-8').strip()} {told.rpartition(')')[2].split()[_STARTED]}"
    return None


def _is_over(path: Path) -> bool:
    """Return whether the process was one of this machine's and has ended."""
    owner = _owner(path)
    if owner.host != socket.gethostname() or owner.pid <= 0:
        return False
    now = _started(owner.pid)
    if owner.started and now:
        return owner.started != now
    if owner.pid == os.getpid():  # which hasn't claimed anything yet
        return True
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's
        return False
    return False


def _told(path: Path) -> str:
    owner = _owner(path)
    return (
        f"process {owner.pid} on {owner.host} runs the stages of this workspace, which no two runs and no two "
        f"machines may share; wait for it, or use a clone of your own, with `dvc cache dir` set to one cache; if it "
        f"has ended: rm {path}"
    )
