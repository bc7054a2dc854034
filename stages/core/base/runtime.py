"""Running a stage as a command: exit codes and progress."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import track

from stages.core.base.errors import InputError
from stages.core.base.output import warn

T = TypeVar("T")
_LINE_EVERY_S = 10.0
_USER_ERRNO = {
    errno.ENOSPC: "the disk is full: free some space and run again; what was finished before is kept",
    errno.EDQUOT: "the disk quota is used up: free some space and run again",
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
def user_errors() -> Iterator[None]:
    """Turn errors of the user's making into one sentence on stderr and exit code 2."""
    try:
        yield
    except InputError as error:
        _stop(str(error))
    except OSError as error:
        if error.errno not in _USER_ERRNO:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _stop(f"{place}{_USER_ERRNO[error.errno]}")


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
    with user_errors():
        app()


def progress(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Yield `items` and show how far it is: a bar on a terminal, else a line every ten seconds.

    Args:
        items: what is worked through.
        label: what is being done, in a few words.
        total: how many items there are.
    """
    if sys.stderr.isatty():
        yield from track(items, description=label, total=total, console=Console(stderr=True))
        return
    last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last > _LINE_EVERY_S and done < total:
            last = time.monotonic()
            warn(f"{label}: {done}/{total}")
