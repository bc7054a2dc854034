"""Files that exist whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from mcdrl.base.errors import InputError

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))  # errors that only what is written can meet
_TAKEN = frozenset((errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR))  # where a folder can't be moved to
_LONGEST = 255  # bytes of a file's name
_ROOM = 12  # bytes of these that a number behind the name may take


def _partial(path: Path, whose: str = "") -> Path:
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
    """Yield a temporary sibling of `path`; rename it onto `path` on success, remove it on failure.

    The sibling's name is fixed, so what a killed process left behind is overwritten by the next one; two writers of one
    file at once aren't kept apart.

    Raises:
        OSError: the file can't be written; it names `path` where it named no file, the sibling, or what was copied.
    """
    with _sibling(path, _partial(path)) as partial:
        yield partial
        partial.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Like `atomic`, for a whole folder: what stood at `path` is replaced once the new one is complete."""
    with _sibling(path, _partial(path)) as partial:
        partial.mkdir()
        yield partial
        _remove(path)
        partial.replace(path)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Like `atomic_folder`, for a folder that isn't there yet, or is empty: nothing is replaced.

    The sibling's name is its own, as two people may ask for one folder at once; what a killed process left behind stays
    there, hidden.

    Raises:
        InputError: something has come there meanwhile, which stays; the new folder has another name, which it says.
    """
    place = path.resolve() if path.is_symlink() else path
    with _sibling(place, _partial(place, f".{secrets.token_hex(4)}")) as partial:
        partial.mkdir()
        yield partial
        if _moved(partial, place):
            return
        other = next(other for other in _numbered(place) if _moved(partial, other))
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
    stem = path.name
    while len(os.fsencode(stem)) > _LONGEST - _ROOM:
        stem = stem[:-1]
    return (path.with_name(f"{stem}-{number}") for number in count(2))


@contextmanager
def _sibling(path: Path, partial: Path) -> Iterator[Path]:
    """Yield a place beside `path` where nothing is, neither before nor afterwards; errors name `path` instead of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        yield partial
    except OSError as error:
        _name(error, partial, path)
        raise
    finally:
        _remove(partial)


def _name(error: OSError, partial: Path, path: Path) -> None:
    """Make an error name what was to be written, as users know it."""
    if error.errno is None:
        return
    copied_to = error.filename2 if error.errno in NO_ROOM else None
    given = Path(os.fsdecode(copied_to or error.filename or partial))
    if given.is_relative_to(partial):
        error.filename = str(path / given.relative_to(partial))
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
    value = read_any_json(path, again)
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}, expected a JSON object; {again}")
    return value


def read_any_json(path: Path, again: str) -> Any:
    """Read JSON, an object or something else; arguments as for `read_json`.

    Raises:
        InputError: the file is missing or isn't JSON.
    """
    try:
        return json.loads(regular(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {again}") from None
    except NotADirectoryError:
        raise InputError(f"{path} does not exist: {path.parent} is no folder; name the one that holds it") from None
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of 5,000 digits, nested too deeply
        raise InputError(f"{path} is not valid JSON ({error}); {again}") from None
