"""Locks by which processes of one machine wait for one another."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # as some network file systems answer: it does without


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one at a time, of those on this machine that name one path, do what is done within; the others wait.

    Where there are no locks, as on Windows, nobody waits. Within itself, for one path, it waits for ever.

    Args:
        path: a folder, in which nothing is left, or a file, which is made if it isn't there and stays.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    place = os.open(path, os.O_RDONLY if path.is_dir() else os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        yield
    finally:
        os.close(place)
