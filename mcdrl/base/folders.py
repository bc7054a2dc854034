"""What lies below a folder."""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from fnmatch import translate
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from mcdrl.base.errors import InputError

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".7z", ".rar")
"""Endings of archives, which hold a folder, in lower case."""
PACKED = (".gz", ".bz2", ".xz")
"""Endings of single files that are packed, unless they are those of an archive or a volume (.nii.gz)."""
_NOT_HASHED = frozenset((".git", ".hg", ".dvc", "__pycache__"))  # folders that DVC passes over
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # nothing there, as far as a pattern is concerned
WILD = re.compile(r"[*?\[]")  # in a part of a pattern that stands for several names
_OF_WINDOWS = frozenset(("desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "thumbs.db"))  # which hides them


def is_hidden(name: str) -> bool:
    """Return whether a name begins with a dot, or is that of a file which Windows puts into folders and hides."""
    return name.startswith(".") or name.casefold() in _OF_WINDOWS


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive by its ending."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def no_folder(path: Path | str) -> str:
    """Return what something is that should be a folder: nothing, a file, or an archive, which holds one."""
    return f"{path} is an archive, to be unpacked first" if is_archive(Path(path)) else f"{path} is no folder"


def walked(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield `top` and each folder below it with its files' names, sorted, hidden names aside.

    Folders behind links come after all others, and none comes twice.

    Raises:
        InputError: a folder can't be read.
    """
    waiting, entered = [top], set()
    while waiting:
        for folder, folders, files in os.walk(waiting.pop(0), onerror=_refuse):
            real = os.path.realpath(folder)
            if real in entered:
                folders.clear()
                continue
            entered.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            waiting += [Path(folder, name) for name in folders if Path(folder, name).is_symlink()]
            yield Path(folder), sorted(name for name in files if not is_hidden(name))


def matching(root: Path, pattern: str) -> list[Path]:
    """Return the files and folders below `root` that a glob names, sorted, hidden names aside.

    Unlike `Path.glob` it passes over nothing that it can't read, enters folders behind links below `**`, too (see
    `walked`), and means the same in every Python: `**` at the end is all that lies below.

    Raises:
        InputError: a folder that may hold some can't be read.
        ValueError: as `pattern_parts`.
    """
    return sorted(set(_matching(root, pattern_parts(pattern))))


def pattern_parts(pattern: str) -> tuple[str, ...]:
    """Return the folders and the name of a glob.

    Raises:
        ValueError: it names nothing below a folder.
    """
    parts = PurePosixPath(pattern).parts
    if not parts:
        raise ValueError("it names no file")
    if pattern.startswith("/"):
        raise ValueError("it begins with '/'")
    if ".." in parts:
        raise ValueError("'..' leaves it")
    if any("**" in part and part != "**" for part in parts):
        raise ValueError("'**' stands alone between two slashes")
    return (*parts, "*") if parts[-1] == "**" else parts


def mask_parts(pattern: str) -> tuple[str, str, bool]:
    """Return of a pattern of masks the folder, the name without `.*` at its end, and whether it had that.

    Raises:
        ValueError: a folder has a `*`.
    """
    head = pattern.removesuffix(".*")
    folder, _, name = head.rpartition("/")
    if "*" in folder:
        raise ValueError(f"masks: '{pattern}' has a '*' in a folder; e.g. 'masks/{{stem}}.*', '{{0}}/masks/{{stem}}.*'")
    return folder or ("/" if pattern.startswith("/") else "."), name, head != pattern


def above(top: Path | str, place: str) -> int:
    """Return how many folders a place, read from `top`, goes up before it goes down, links aside; 0: it lies below."""
    whole = os.path.join(top, place)
    return PurePosixPath(os.path.relpath(whole, top)).parts.count("..")


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted; none if there is no such folder.

    Raises:
        InputError: it can't be read.
    """
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        if error.errno in _ABSENT:
            return []
        raise _unreadable(folder, error) from error


def _matching(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    if not parts:
        yield folder
    elif parts[0] == "**":
        for below, _ in walked(folder) if _mode(folder, follow=True) == stat.S_IFDIR else ():
            yield from _matching(below, parts[1:])
    elif not parts[0].startswith("."):
        for name in _named(folder, parts[0]):
            yield from _matching(folder / name, parts[1:])


def _named(folder: Path, part: str) -> list[str]:
    if not WILD.search(part):
        return [part] if _mode(folder / part, follow=False) else []
    fits = re.compile(translate(part)).match
    return [name for name in names_in(folder) if fits(name) and not is_hidden(name)]


def _mode(path: Path, *, follow: bool) -> int:
    """Return which kind of file something is; 0: there is no such thing."""
    try:
        return stat.S_IFMT(os.stat(path, follow_symlinks=follow).st_mode)
    except OSError as error:
        if error.errno in _ABSENT:
            return 0
        raise _unreadable(path.parent, error) from error


def unhashable(top: Path) -> list[Path]:
    """Return what DVC can't hash below a folder: it stops at links to nothing and waits for ever for pipes.

    Raises:
        InputError: a folder can't be read.
    """
    found = []
    for folder, folders, files in os.walk(top, onerror=_refuse):
        folders[:] = [name for name in folders if name not in _NOT_HASHED]
        found += [Path(folder, name) for name in files if not _is_partial(name)]
    return sorted(path for path in found if not path.is_file())


def check_hashable(top: Path) -> None:
    """Check that DVC can hash all that lies below a folder.

    Raises:
        InputError: it can't, or a folder can't be read.
    """
    if stops := unhashable(top):
        what = "no regular file" if stops[0].exists() else "a link to nothing"
        more = f" (and {len(stops) - 1} more like it)" if len(stops) > 1 else ""
        raise InputError(f"{stops[0]} is {what}, which DVC can't read{more}; remove it")


def _is_partial(name: str) -> bool:
    return name.startswith(".") and name.endswith(".partial")  # as .dvcignore has it


def _refuse(error: OSError) -> None:
    raise _unreadable(error.filename, error) from error


def _unreadable(folder: Path | str, error: OSError) -> InputError:
    return InputError(f"the folder {folder} can't be read: {error.strerror}; mend its permissions, or move it away")


def is_utf8(name: str) -> bool:
    """Return whether a file's or a folder's name is UTF-8, as all that is written about it is."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def name_of(folder: Path) -> str:
    """Return the name by which a folder's frames go.

    Raises:
        InputError: it is not UTF-8.
    """
    name = folder.resolve().name
    if not is_utf8(name):
        raise InputError(f"the name of the folder {folder} is not UTF-8; rename it")
    return name


def composed(text: str) -> str:
    """Return `text` in Unicode's composed form, in which names from different systems compare equal."""
    return unicodedata.normalize("NFC", text)


def loosened(text: str) -> str:
    """Return `text` in a form in which names compare equal that differ in case alone, or in codes such as %20."""
    return composed(unquote(text).casefold())
