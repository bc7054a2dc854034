"""Running a stage as a command: exit codes and progress."""

from __future__ import annotations

import errno
import gc
import inspect
import math
import os
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import track

from mcdrl.base.errors import InputError, lacks_memory
from mcdrl.base.files import NO_ROOM
from mcdrl.base.output import warn

T = TypeVar("T")
_LINE_EVERY_S = 10.0
_USER_ERRNO = {
    errno.ENOSPC: "the disk is full: free some space and run again; what was finished before is kept",
    errno.EDQUOT: "the disk quota is used up: free some space and run again",
    errno.EFBIG: "larger than files may become here: raise the limit (ulimit -f), or choose another file system",
    errno.EIO: "the disk or share failed to read or write it: check that it is sound and connected, and run again",
    errno.ESTALE: "the share that holds it has changed or is gone: connect it anew and run again",
    errno.ETIMEDOUT: "the share that holds it doesn't answer: check the connection and run again",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n) and run again",
    errno.ENFILE: "too many files are open on this machine: close some programs and run again",
    errno.EACCES: "permission denied: make the path accessible to this user",
    errno.EROFS: "the file system is read-only: choose a writable place",
    errno.EPERM: "not permitted: choose a place that this user may write to",
    errno.ENOENT: "there is no such file or folder, and it can't be made: check the path",
    errno.ENOTDIR: "part of this path is a file, not a folder: check the path",
    errno.EISDIR: "this is a folder where a file is expected: check the path",
    errno.EEXIST: "there is a file where a folder is expected: check the path",
    errno.ENAMETOOLONG: "the name is too long for this file system: choose a shorter one",
    errno.ELOOP: "links lead in a circle: check the path",
}


@contextmanager
def user_errors(command: str = "this command") -> Iterator[None]:
    """Turn errors of the user's and the machine's making into one sentence on stderr and exit code 2.

    Args:
        command: the name of what is run.
    """
    try:
        with enough_memory(command):
            yield
    except InputError as error:
        _stop(str(error))
    except sqlite3.OperationalError as error:  # a full disk or a limit, where DVC writes; it opens no other database
        _stop(f"DVC's own database can't be written ({error}): free some space, or raise the limit (ulimit -f)")
    except OSError as error:
        if error.errno not in _USER_ERRNO:
            raise
        _stop(f"{_place(error)}{_USER_ERRNO[error.errno]}")


def _place(error: OSError) -> str:
    names = [name for name in (error.filename, error.filename2) if name is not None]
    copied = names[1:] if error.errno in NO_ROOM else names  # only what is written meets the end of the disk
    return " -> ".join(map(str, copied or names)) + ": " * bool(names)


@contextmanager
def enough_memory(stage: str, setting: str = "", value: int | None = None) -> Iterator[None]:
    """Turn a lack of memory, the processor's or a GPU's, into a sentence.

    Args:
        stage: what is being done.
        setting: what to lower for less memory, such as "encode.batch_size"; empty: there is nothing.
        value: of the setting.

    Raises:
        InputError: the memory is used up.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each library has its own for it
        if not lacks_memory(error):
            raise
        told = next(iter(str(error).splitlines()), "") or type(error).__name__
    else:
        return
    at, lower = (f" at {setting} {value}", f"lower {setting}, or ") if setting else ("", "")
    raise InputError(
        f"{stage} ran out of memory{at} ({told[:200]}): {lower}give it more memory: close other programs, or raise the "
        "limit (a container's, or ulimit -v)"
    )


def _stop(message: str) -> None:
    warn(f"error: {message}")
    raise SystemExit(2)


def run(command: Callable[..., None]) -> None:
    """Run `command` as a typer application; `InputError` ends it with exit code 2.

    Threads of OpenMP spin for microseconds, then sleep, unless the environment says otherwise: long spinning starves
    the others on a busy machine, sleeping at once costs a quarter of a step on an idle one. The library reads this when
    it is loaded, so `command` must import torch itself, not its module's head.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    with user_errors(Path(inspect.getfile(command)).parent.name or "this command"):
        app()


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage while what takes seconds is imported: that is a sixth of torch's import, a quarter of timm's.

    What an import makes stays, so that nothing is found there, then or later: it is never looked through again.
    """
    enabled, known = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        if enabled:
            gc.enable()


def finite(value: float | None) -> float | None:
    """Check a number of the command line, whose bounds let inf and nan through; a callback of the option.

    Raises:
        typer.BadParameter: it is one of these.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number.")
    return value


def machine_memory_gb(root: Path = Path("/")) -> float:
    """Return the memory that the machine and its control groups give; infinite where nobody tells.

    Args:
        root: of the file system.
    """
    limits = [limit for group in _control_groups(root) if (limit := _number(group / "memory.max"))]
    with suppress(ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits, default=math.inf) / 1e9


def free_memory_bytes(root: Path = Path("/")) -> int:
    """Return how much memory this process may still fill, by the system and its control groups; 0: nobody tells.

    Args:
        root: of the file system.
    """
    told = [_number(root / "proc/meminfo", r"MemAvailable:\s*") * 1024]
    for group in _control_groups(root):
        limit = _number(group / "memory.max")  # "max": there is none
        told += [max(1, limit - _number(group / "memory.current"))] * bool(limit)
    return min(filter(None, told), default=0)


def _control_groups(root: Path) -> Iterator[Path]:
    """Yield the control groups (version 2) that this process is in, which limit it together."""
    own = PurePosixPath(_text(root / "proc/self/cgroup").partition("0::/")[2].partition("\n")[0])
    for group in dict.fromkeys([own, *own.parents]):
        yield root / "sys/fs/cgroup" / group


def _number(path: Path, before: str = "") -> int:
    """Return the number that a file of the system's starts with, or that stands behind a pattern; 0: there is none."""
    found = re.search(rf"^{before}(\d+)", _text(path), re.MULTILINE)
    return int(found[1]) if found else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def usable_cores() -> int:
    """Return how many cores this process may use; all of the machine's where the system can't tell (macOS, Windows)."""
    told = getattr(os, "process_cpu_count", None)  # from Python 3.13 on
    if told is not None:
        return told() or 1
    allowed = getattr(os, "sched_getaffinity", None)
    return (len(allowed(0)) if allowed is not None else os.cpu_count()) or 1


def progress(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    """Yield `items` and show how far it is: a bar on a terminal, else a line every ten seconds.

    Args:
        items: what is worked through.
        label: what is being done, in a few words.
        total: how many items there are; None: nobody knows.
    """
    if sys.stderr.isatty():
        yield from track(items, description=label, total=total, console=Console(stderr=True))
        return
    last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last > _LINE_EVERY_S and done != total:
            last = time.monotonic()
            warn(f"{label}: {done}" if total is None else f"{label}: {done}/{total}")
