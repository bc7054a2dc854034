"""What the run before has left in the folder of the results of `mcdrl predict`, by the table that is to be replaced."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mcdrl.base.text import from_spreadsheet_cell
from mcdrl.commands.models.coco import FILE
from mcdrl.commands.models.frames import stems_of
from mcdrl.commands.models.rows import PredictionRow, columns

_SHOWN = 3  # files that are named


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


def still_there(earlier: Collection[str], written: Collection[Path], table: Path) -> str:
    """Return a line on the results of the run before that stay; empty: there are none.

    Args:
        earlier: what it may have written, see `results_of`.
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
