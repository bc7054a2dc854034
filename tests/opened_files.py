"""Which files below a folder are opened, by whatever library: told by Linux itself (inotify)."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPENED, _LOST, _FOLDER = 0x20, 0x4000, 0x40000000
_EVENT = struct.Struct("iIII")  # watch, what, cookie, length of the name behind it


@contextmanager
def opened_files(folder: Path) -> Iterator[set[str]]:
    """Yield a set which holds, at the end, the paths below a folder of all files there that were opened meanwhile."""
    libc, found = ctypes.CDLL(None, use_errno=True), set[str]()
    queue = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    assert queue >= 0, os.strerror(ctypes.get_errno())
    try:
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        watched = {libc.inotify_add_watch(queue, os.fsencode(path), _OPENED): path for path in folders}
        assert min(watched) >= 0, os.strerror(ctypes.get_errno())
        yield found
        found.update(path.relative_to(folder).as_posix() for path in _told(queue, watched))
    finally:
        os.close(queue)


def _told(queue: int, watched: dict[int, Path]) -> Iterator[Path]:
    while True:
        try:
            block = os.read(queue, 2**16)
        except BlockingIOError:
            return
        at = 0
        while at < len(block):
            watch, what, _, length = _EVENT.unpack_from(block, at)
            assert not what & _LOST
            name = block[at + _EVENT.size :][:length].rstrip(b"\0")
            at += _EVENT.size + length
            if name and not what & _FOLDER:
                yield watched[watch] / os.fsdecode(name)
