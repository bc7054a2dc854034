"""Files that exist whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from mcdrl.base.errors import InputError

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))  # errors that only what is written can meet
_TAKEN = frozenset((errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR))  # where a folder can't be moved to
_LONGEST = 255  # bytes of a file's name
_LOCK = "lock"  # beside what is being written
_WRITERS = count()  # of this process


def _beside(path: Path, whose: str = "") -> Path:
    name = f".{path.name}{whose}.partial"
    if len(os.fsencode(name)) > _LONGEST:  # though the path's own name may be fine
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}{whose}.partial"
    return path.with_name(name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary place beside `path`; rename it onto `path` on success, remove it on failure.

    Of several writers at once each has a place of its own; the last one's file stays. What a killed process left behind
    is overwritten by the next one.

    Raises:
        OSError: the file can't be written; it names `path` where it named no file, the place, or what was copied.
    """
    with _sibling(path) as partial:
        yield partial
        partial.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Like `atomic`, for a whole folder: what stood at `path` is replaced once the new one is complete."""
    with _sibling(path) as partial:
        partial.mkdir()
        yield partial
        _remove(path)
        partial.replace(path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Like `atomic_folder`, for a folder that isn't there yet, or is empty: nothing is replaced.

    Raises:
        InputError: something has come there meanwhile, which stays; the new folder has another name, which it says.
    """
    with _sibling(path) as partial:
        partial.mkdir()
        yield partial
        if _moved(partial, path):
            return
        other = next(other for other in _numbered(path) if _moved(partial, other))
        raise InputError(
            f"{path} was made by something else meanwhile, and stays as it is; see {other} for the new one"
        )


def _moved(folder: Path, to: Path) -> bool:
    """Move a folder where nothing is, or an empty folder; return whether it could be moved."""
    try:
        folder.rename(to)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _numbered(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}-{number}") for number in count(2))


@contextmanager
def _sibling(path: Path) -> Iterator[Path]:
    """Yield a place near `path` where nothing is, neither before nor afterwards; errors name `path` instead of it.

    It is `new` in a folder beside `path`, which is locked: of a process that is killed nothing is locked any more.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = _beside(path, f".{os.getpid()}-{next(_WRITERS)}")
    home = _beside(path)
    try:
        lock = _locked(home)
        if lock is None:  # another writer has it
            home, lock = own, _locked(own)
        partial = home / "new"
        try:
            _remove(partial)
            yield partial
        finally:
            _remove(partial)
            _release(home, own, lock)
    except OSError as error:
        _name(error, home, path)
        raise


def _locked(home: Path) -> int | None:
    """Return the lock of a folder, made where it isn't there; None: another writer has it.

    Where the file system knows no locks, writers aren't kept apart.
    """
    while True:
        if home.is_symlink() or home.is_file():
            home.unlink(missing_ok=True)
        home.mkdir(exist_ok=True)
        try:
            lock = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # who had it has just removed it
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        except OSError:
            return lock
        if _same(lock, home / _LOCK):
            return lock
        os.close(lock)


def _same(lock: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False


def _release(home: Path, own: Path, lock: int | None) -> None:
    """Remove a locked folder; under a name that nobody else goes by, so that nobody locks it meanwhile."""
    try:
        with suppress(FileNotFoundError):  # somebody has removed the folder that it is in
            if home != own:
                _remove(own)
                home.rename(own)
            (own / _LOCK).unlink()
            own.rmdir()
    finally:
        if lock is not None:
            os.close(lock)


def _name(error: OSError, home: Path, path: Path) -> None:
    """Make an error name what was to be written, as users know it."""
    if error.errno is None:
        return
    copied_to = error.filename2 if error.errno in NO_ROOM else None
    given = Path(os.fsdecode(copied_to or error.filename or home))
    if given.is_relative_to(home):
        error.filename = str(path.joinpath(*given.relative_to(home).parts[1:]))
        del error.filename2
    elif error.errno in NO_ROOM:
        error.filename = str(path)
        del error.filename2


def regular(path: Path) -> Path:
    """Return the path of a file that is going to be read, if reading it ends: opening a pipe waits for ever.

    A file that isn't there is left to whoever opens it.

    Raises:
        InputError: it is a pipe, a socket or a device.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} is a pipe, a socket or a device; put a regular file there, or a link to one")
    return path


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes.

    Raises:
        InputError: it is no regular file.
    """
    with regular(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(value: Mapping[str, Any], path: Path, *, sort_keys: bool = True) -> None:
    """Write a mapping as JSON with a fixed layout, its keys sorted or as they come; NaN and infinity are refused."""
    text = json.dumps(value, indent=2, sort_keys=sort_keys, allow_nan=False, ensure_ascii=False)
    with atomic(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, again: str = "run `dvc repro` to make it anew") -> dict[str, Any]:
    """Read a JSON object, with a byte order mark or without.

    Args:
        path: of the file.
        again: what to do where it is missing or damaged, for the message.

    Raises:
        InputError: the file is missing or isn't a JSON object.
    """
    try:
        value = json.loads(regular(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {again}") from None
    except NotADirectoryError:
        raise InputError(f"{path} does not exist: {path.parent} is no folder; name the one that holds it") from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of 5,000 digits, nested too deeply
        raise InputError(f"{path} is not valid JSON ({error}); {again}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}, expected a JSON object; {again}")
    return value
