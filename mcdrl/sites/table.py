"""The CSV that a site may bring along: patient or sequence and lesion class of every frame."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.files import regular
from mcdrl.base.folders import composed
from mcdrl.base.issues import Issue, RefusedError
from mcdrl.sites.folder import FrameFiles
from mcdrl.study.reading import Reading

_SAID = re.compile(r'"?sep=([^\w"\n ])"?[ \t]*(\n|$)', re.IGNORECASE)  # Excel's first line
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how files of Excel and LibreOffice begin, new and old ones
_OPEN = "is there a quote that is never closed?"


@dataclass(frozen=True)
class Entry:
    """What the table says of a frame; None: it says nothing."""

    group: str | None
    lesion_class: str | None


class SiteTable:
    """The rows of one site's table, found by a frame's path, file name or stem."""

    def __init__(self, name: str, rows: Mapping[str, frozenset[Entry]], others: Container[str] = ()) -> None:
        """Take the table's file name, for each name in `table_file` its entries, and the names of other sites' rows."""
        self._name, self._rows, self._others = name, rows, others
        self._used: set[str] = set()
        self._ends: dict[str, str] = {}  # how rows' paths end -> the first such row; made when one is missed

    def entry(self, source: FrameFiles) -> Entry:
        """Return what the table says of a frame.

        Raises:
            RefusedError: the table has no row for it, or several that disagree.
        """
        for name in names_of(source):
            if name in self._rows:
                self._used.add(name)
                return self._only(self._rows[name])
        lacks = f"{self._name} has neither its path, its name nor its stem"
        if source.path is not None:
            said = "with case_ids: path, names and stems don't count"
            lacks = f"{self._name} has neither its path {source.file} nor {source.path} ({said})"
        raise RefusedError("no row in the table", f"{lacks}{self._nearly(source)}")

    def _nearly(self, source: FrameFiles) -> str:
        """Return which row may be meant: one with folders of another machine, or a number that lost its zeros."""
        for named in () if self._ends else self._rows:
            path = PurePosixPath(named)
            for end in (path.name, path.stem, path.stem.lstrip("0")):
                self._ends.setdefault(end, named)
        for name in (composed(source.frame.name), source.stem):
            if meant := self._ends.get(name):
                return f", but '{meant}'; give paths below the site's folder"
        row = self._ends.get(source.stem.lstrip("0")) if source.stem.isdecimal() else None
        return f", but '{row}'; give the number with its zeros" if row else ""

    def elsewhere(self, names: Iterable[str]) -> bool:
        """Return whether the table gives a frame, by its names, to another site and to this one not."""
        first = next((name for name in names if name in self._rows or name in self._others), None)
        return first is not None and first not in self._rows

    def unused(self) -> list[Issue]:
        """Return an issue for each row that no frame has asked for."""
        return [Issue(self._name, "row without a frame", name) for name in self._rows if name not in self._used]

    def _only(self, entries: frozenset[Entry]) -> Entry:
        if len(entries) > 1:
            raise RefusedError("rows that disagree", f"{self._name} gives {len(entries)} groups or classes for it")
        return next(iter(entries))


def read_table(path: Path, reading: Reading) -> SiteTable:
    """Read a site's CSV: UTF-8, separated by commas, semicolons, tabs or what its first line says, with a header.

    Raises:
        InputError: the file is missing or malformed, or lacks a column.
    """
    wanted = [name for name in (reading.table_group, reading.table_class) if name is not None]
    rows: dict[str, set[Entry]] = {}
    others: set[str] = set()
    for name, row, counts in read_rows(path, reading, wanted):
        if counts:
            rows.setdefault(name, set()).add(_entry(row, reading))
        else:
            others.add(name)
    if reading.table_rows and not rows:
        raise InputError(f"no row of {path} says {reading.table_rows}, as table_rows wants it")
    return SiteTable(path.name, {name: frozenset(entries) for name, entries in rows.items()}, others)


def read_rows(path: Path, reading: Reading, wanted: Sequence[str]) -> Iterator[tuple[str, dict[str, str], bool]]:
    """Yield the rows of a site's CSV: what its `table_file` calls the frame, column -> cell, and whether it counts.

    Rows that say otherwise than `table_rows` are of other sites and don't count.

    Args:
        path: the CSV.
        reading: how the site is read; see `names_of` for what names a frame.
        wanted: further columns that there must be.

    Raises:
        InputError: as `read_table`.
    """
    where = {column: composed(cell) for column, cell in (reading.table_rows or {}).items()}
    records = _records(path)
    header = [cell.strip() for cell in next(records, (1, []))[1]]
    _check_header(path, header, [reading.table_file, *wanted, *where])
    for line, cells in records:
        if not cells:
            continue
        if len(cells) != len(header):
            doubt = f"; {_OPEN}" if any("\n" in cell for cell in cells) else ""
            raise InputError(f"{path} line {line}: {len(cells)} cells, the header has {len(header)}{doubt}")
        row = dict(zip(header, (composed(cell.strip()) for cell in cells), strict=True))
        yield _key(row[reading.table_file]), row, all(row[column] == cell for column, cell in where.items())


def names_of(source: FrameFiles) -> tuple[str, ...]:
    """Return the names by which a table may call a frame: its path below the root, its file name, its stem, also whole.

    Where stems and file names may repeat, it is its path alone, and what of it is in its case id.
    """
    if source.path is not None:
        return composed(source.file), source.path
    return composed(source.file), composed(source.frame.name), source.stem, composed(source.frame.stem)


def names_of_file(file: str) -> tuple[str, str, str]:
    """Return the names by which a table may call a file below the root that didn't become a frame."""
    path = PurePosixPath(composed(file))
    return str(path), path.name, path.stem


def _entry(row: Mapping[str, str], reading: Reading) -> Entry:
    group = row[reading.table_group] if reading.table_group else ""
    return Entry(group or None, (row[reading.table_class] if reading.table_class else "") or None)


def _key(cell: str) -> str:
    return cell.replace("\\", "/").removeprefix("./")


def _text(path: Path) -> str:
    try:
        return regular(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; sites.<name>.table names a CSV file below the root") from None
    except UnicodeDecodeError as error:
        if path.read_bytes().startswith(_SHEETS):
            raise InputError(f"{path} is a file of Excel or LibreOffice, no CSV; save it as CSV UTF-8") from None
        raise InputError(f"{path} is not UTF-8 ({error}); save it as CSV UTF-8") from None


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV, the header first, each with the number of the line that it begins in."""
    text = _text(path)
    said = _SAID.match(text)
    lines = csv.reader(io.StringIO(text), delimiter=said[1] if said else _delimiter(text))
    line = 1
    try:
        for cells in lines:
            if line > 1 or not said:
                yield line, cells
            line = lines.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path} line {line}: {error}; {_OPEN}") from None


def _delimiter(text: str) -> str:
    counts = Counter(text.partition("\n")[0])
    return max(",;\t", key=lambda mark: counts[mark])


def _check_header(path: Path, header: list[str], wanted: Iterable[str]) -> None:
    for name in wanted:
        if header.count(name) != 1:
            problem = "has no" if name not in header else "has more than one"
            raise InputError(f"{path} {problem} column '{name}'; {nearest(name, header)}")
