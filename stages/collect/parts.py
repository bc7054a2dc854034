"""Which parts a table has, and how they become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.artifacts.regions import QUALITY
from mcdrl.artifacts.scores import CELL, EVALUATED
from mcdrl.artifacts.tables import Table
from mcdrl.base.errors import InputError
from mcdrl.study.cells import cells
from mcdrl.study.params import Study
from mcdrl.study.paths import table_file

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Collection:
    """A table that is written in parts.

    Attributes:
        table: the contract of the parts and of the whole.
        parts: from the study to the parts: path below the parts' folder -> the columns that are constant in it.
    """

    table: Table
    parts: Callable[[Study], dict[Path, Names]]


def _sites(study: Study) -> dict[Path, Names]:
    return {table_file(Path(), site): {"site": site} for site in study.sites}


def _cells(table: str) -> Callable[[Study], dict[Path, Names]]:
    def parts(study: Study) -> dict[Path, Names]:
        """Return the parts of the table: a file a cell."""
        return {table_file(cell.folder, table): dict(zip(CELL, cell, strict=True)) for cell in cells(study)}

    return parts


COLLECTIONS: Mapping[str, Mapping[str, Collection]] = {  # stage -> table -> how it is written
    "mine_regions": {"quality": Collection(QUALITY, _sites)},
    "evaluate": {name: Collection(table, _cells(name)) for name, table in EVALUATED.items()},
}


def collect(collection: Collection, study: Study, folder: Path) -> pd.DataFrame:
    """Read all parts of a table and return the whole, sorted by its key.

    Args:
        collection: which table.
        study: says which parts there must be.
        folder: where the parts are; others beside them are left alone.

    Raises:
        InputError: a part is missing, damaged or belongs under another name.
    """
    parts = [_part(collection.table, folder / path, names) for path, names in collection.parts(study).items()]
    whole = pd.concat(parts, ignore_index=True)
    return whole.sort_values(list(collection.table.key), kind="stable", ignore_index=True)


def _part(table: Table, path: Path, names: Names) -> pd.DataFrame:
    rows = table.read(path)
    for column, expected in names.items():
        others = rows.loc[rows[column] != expected, column]
        if len(others):
            raise InputError(f"{path} holds rows of {column} '{others.iloc[0]}'; delete it and run `dvc repro`")
    return rows
