"""What runs before have left in the folder of the results of `mcdrl predict`, and the table that is to be replaced.

No table stands beside masks of another run: it goes before the first of them is replaced, and what it named is kept in
a list beside the masks until the new table is complete.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from threading import Lock

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic
from mcdrl.base.output import warn
from mcdrl.base.text import from_spreadsheet_cell
from mcdrl.commands.models.coco import FILE
from mcdrl.commands.models.frames import stems_of
from mcdrl.commands.models.rows import PredictionRow, columns

UNFINISHED = "predictions.unfinished"  # in the folder of the results while they are replaced
_SHOWN = 3  # files that are named


class Replacing:
    """The table of a folder of results while a run replaces them.

    Attributes:
        earlier: what runs before may have written into the folder, as paths below it.
        begun: whether the table was taken away.
    """

    def __init__(self, table: Path, planned: Collection[Path]) -> None:
        """Look at what is there.

        Args:
            table: predictions.csv of the run before, if there is one.
            planned: all that this run may write.

        Raises:
            InputError: the table's place, or that of the list, is a folder.
        """
        for place in (table, table.with_name(UNFINISHED)):
            if place.is_dir():
                raise InputError(f"{place} is a folder, where a file is written; move it away")
        self._table, self._list, self._lock = table, table.with_name(UNFINISHED), Lock()
        self.earlier = results_of(table) | _listed(self._list)
        below = {str(path.relative_to(table.parent)) for path in planned if not os.path.lexists(path)}
        self._planned = below - self.earlier  # what is there and was no run's is somebody's own
        self.begun = False

    def begin(self) -> None:
        """Take the table away; to be called, by any thread, before a file of the results takes its place.

        Raises:
            OSError: the folder can't be written to.
        """
        with self._lock:
            if self.begun:
                return
            with atomic(self._list) as partial:
                partial.write_bytes(b"\0".join(map(os.fsencode, sorted(self.earlier | self._planned))))
            self._table.unlink(missing_ok=True)
            self.begun = True

    def finish(self) -> None:
        """Forget what was there before; to be called once the new table is complete."""
        self._list.unlink(missing_ok=True)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say what stands in the folder where what is done inside doesn't come to its end."""
        try:
            yield
        except BaseException:  # Ctrl-C among them
            if self.begun and not self._table.exists():
                warn(
                    f"{self._table.parent} has no {self._table.name} now: some of its masks are this run's, others may "
                    "be an earlier run's; run the same command again"
                )
            raise


def results_of(table: Path) -> set[str]:
    """Return what the run that wrote a predictions.csv may have written besides, as paths below its folder.

    Nothing, where there is no such table, or one that is damaged or that `predict` didn't write.
    """
    if not os.path.isfile(table):  # opening a pipe would wait for ever
        return set()
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            header, *lines = csv.reader(stream, strict=True)
        if header != columns(PredictionRow):
            return set()
        rows = [dict(zip(header, map(from_spreadsheet_cell, line), strict=True)) for line in lines]
        return {name for name in _named(rows) if _is_below(name)}
    except (OSError, ValueError, csv.Error):
        return set()


def _listed(unfinished: Path) -> set[str]:
    """Return what the list of a run that didn't come to its end names; nothing, where there is none."""
    if not os.path.isfile(unfinished):
        return set()
    try:
        return set(filter(_is_below, filter(None, map(os.fsdecode, unfinished.read_bytes().split(b"\0")))))
    except OSError:
        return set()


def still_there(earlier: Collection[str], written: Collection[Path], table: Path) -> str:
    """Return a line on the results of runs before that stay; empty: there are none.

    Args:
        earlier: what it may have written, see `Replacing`.
        written: all that this run has written.
        table: of this run.
    """
    out = table.parent
    left = [name for name in sorted(earlier) if out / name not in written and os.path.isfile(out / name)]
    if not left:
        return ""
    named = ", ".join(left[:_SHOWN])
    more = ", ..." if len(left) > _SHOWN else ""
    files, stay = ("file", "stays") if len(left) == 1 else ("files", "stay")
    return f"{len(left)} {files} of an earlier run {stay} in {out}, which {table.name} doesn't name: {named}{more}"


def _named(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield what rows of a table stand for: masks, tables, and overlays and probabilities, whether they are or not."""
    in_coco = stems_of(PurePosixPath(row["frame"]) for row in rows)
    for row in rows:
        mask = PurePosixPath(row["mask"])
        if not mask.name:  # the frame was refused
            continue
        whole = row["mask"] == FILE
        stem = in_coco[PurePosixPath(row["frame"])] if whole else str(mask.with_suffix(""))
        yield from filter(None, (row["mask"], row["table"]))
        yield f"overlays/{stem}{mask.suffix if row['table'] else '.jpg'}"
        yield f"probabilities/{stem}{'.png' if whole else mask.suffix}"


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
