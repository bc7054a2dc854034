"""SHA-256 of large files, taken once for as long as nobody touches them.

A note says which file it is of: its number, size, and when its content and its entry were last changed. The system
sets the last of these whenever a file is written, renamed or linked, and no program can set it back; so what was
changed is hashed again, whatever other times it claims.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, sha256, write_json

_SETTLED_NS = 2 * 10**9  # file systems that count in seconds don't tell two changes within one apart


def remembered_sha256(path: Path, notes: Path) -> str:
    """Return the hex SHA-256 of a file's bytes, by its note if the file is still what the note says.

    Args:
        path: the file.
        notes: folder of the notes, a file each; it is made.

    Raises:
        InputError: it is no regular file.
    """
    note = notes / hashlib.sha256(os.fsencode(path.absolute())).hexdigest()
    told = _told(note)
    found = _state(path)
    if told.get("file") == found and isinstance(told.get("sha256"), str):
        return str(told["sha256"])
    began = _now_ns(notes)
    digest = sha256(path)
    if _state(path) == found and began - found[-1] > _SETTLED_NS:
        own = note.with_name(f"{note.name}-{os.getpid()}")  # cells side by side begin with the same files
        write_json({"file": found, "sha256": digest}, own)
        own.replace(note)
    return digest


def _state(path: Path) -> list[int]:
    told = path.stat()
    return [told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns]


def _told(note: Path) -> dict[str, object]:
    try:
        return read_json(note)
    except InputError:  # there is none, or it was half written
        return {}


def _now_ns(folder: Path) -> int:
    """Return the time by the clock that stamps files, which is the server's where the folder is on a share."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as stream:
        return os.fstat(stream.fileno()).st_mtime_ns
