"""Patient or sequence, and lesion class, by a frame's name and folder."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from mcdrl.base.issues import RefusedError


def group_of_folder(file: str, part: int) -> str:
    """Return the folder on a frame's path that names its group.

    Args:
        file: the frame's path below the site's root.
        part: which part of it, from 0.

    Raises:
        RefusedError: the path has no such folder.
    """
    folders = PurePosixPath(file).parts[:-1]
    if part >= len(folders):
        raise RefusedError("no folder for its group", f"folder_group is {part}, its path has {len(folders)} folder(s)")
    return folders[part]


def group_of_sequence(stem: str, ends: Sequence[int]) -> str:
    """Return the number, from 1, of the sequence that a numbered frame belongs to.

    Args:
        stem: the frame's name without its ending.
        ends: number of each sequence's last frame, rising.

    Raises:
        RefusedError: the name is no number, or lies behind the last sequence.
    """
    if not stem.isdecimal():
        raise RefusedError("no number for its sequence", f"sequence_ends needs numbered frames, got '{stem}'")
    index = bisect_left(ends, int(stem))
    if index == len(ends):
        raise RefusedError("no number for its sequence", f"{stem} lies behind the last sequence's end, {ends[-1]}")
    return str(index + 1)


def class_of_folder(file: str, classes: Mapping[str, str | None]) -> str | None:
    """Return the lesion class that a frame's folders name; None: they name one without a lesion.

    Args:
        file: the frame's path below the site's root.
        classes: folder's name -> lesion class or None.

    Raises:
        RefusedError: no folder on the path is listed, or two of different classes.
    """
    meant = {classes[part] for part in PurePosixPath(file).parts[:-1] if part in classes}
    if len(meant) != 1:
        what = "no folder of its class" if not meant else "folders of two classes"
        raise RefusedError(what, f"folder_class lists {', '.join(sorted(classes))}")
    return next(iter(meant))
