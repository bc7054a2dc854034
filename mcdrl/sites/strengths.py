"""How strong each confounder is in a frame, where a site's table says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mcdrl.artifacts.cases import STRENGTHS
from mcdrl.base.errors import InputError
from mcdrl.sites.folder import FrameFiles
from mcdrl.sites.table import names_of, read_rows
from mcdrl.study.reading import Reading

Cells = dict[str, str]  # column -> cell


def read_strengths(root: Path, reading: Reading, sources: Mapping[str, FrameFiles]) -> pd.DataFrame | None:
    """Read the strengths of the confounders in a site's frames.

    Args:
        root: the site's folder.
        reading: how the site is read.
        sources: case id -> the frame's files.

    Returns:
        Rows of `STRENGTHS`, in the order of `sources`, without those that the table leaves open; None: the site has no
        `table_strengths`.

    Raises:
        InputError: the table lacks a column or contradicts itself, or a cell isn't a number from 0 to 1.
    """
    if reading.table is None or reading.table_strengths is None:
        return None
    columns = reading.table_strengths
    path = root / reading.table
    table = _read(path, reading, list(columns))
    rows = [
        (case, columns[column], _strength(cell, f"{path}, {source.file}, {column}"))
        for case, source in sources.items()
        for column, cell in _cells(table, source).items()
        if cell
    ]
    return pd.DataFrame(rows, columns=STRENGTHS.schema.names).astype({"case_id": "str", "confounder": "str"})


def _read(path: Path, reading: Reading, columns: list[str]) -> dict[str, Cells]:
    table: dict[str, Cells] = {}
    own = ((name, row) for name, row, counts in read_rows(path, reading, columns) if counts)
    for name, row in own:
        cells = {column: row[column] for column in columns}
        if table.setdefault(name, cells) != cells:
            raise InputError(f"{path} has two rows of '{name}' with different strengths; keep one of them")
    return table


def _cells(table: Mapping[str, Cells], source: FrameFiles) -> Cells:
    return next((table[name] for name in names_of(source) if name in table), {})


def _strength(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise InputError(f"{where}: '{cell}' is no strength; expected a number from 0 to 1, or nothing")
    return value
