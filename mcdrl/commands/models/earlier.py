"""What an earlier run of `mcdrl predict` has left in the folder of the results, beside what this one has written."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from mcdrl.base.folders import walked
from mcdrl.commands.models.coco import FILE

_ENDINGS = (".dcm", ".jpg", ".mp4", ".png")
_SHOWN = 3  # files that are named


def left_behind(out: Path, written: Collection[Path], table: Path) -> str:
    """Return a line on the results of earlier runs that stay; empty: there are none.

    Args:
        out: the folder of the results.
        written: all that this run has written there.
        table: of this run.

    Raises:
        InputError: a folder below it can't be read.
    """
    there = [folder / name for folder, names in walked(out) for name in names]
    left = [path for path in there if path not in written and _is_result(path)]
    if not left:
        return ""
    named = ", ".join(path.relative_to(out).as_posix() for path in left[:_SHOWN])
    more = ", ..." if len(left) > _SHOWN else ""
    files, stay = ("file", "stays") if len(left) == 1 else ("files", "stay")
    return f"{len(left)} {files} of an earlier run {stay} in {out}, which {table.name} doesn't name: {named}{more}"


def _is_result(path: Path) -> bool:
    """Return whether a file is one that a run writes: also the table of a video of masks."""
    of_video = path.suffix == ".csv" and path.with_suffix(".mp4").exists()
    return path.suffix in _ENDINGS or path.name == FILE or of_video
