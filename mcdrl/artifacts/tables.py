"""Parquet tables with a declared schema, checked on write and on read.

A bit that was flipped on the disk must not pass for data. So every page has a checksum, and the footer, for which the
format has none, carries a digest of what its readers believe: the strings beside the rows, and how many rows there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic

_PREFIX = b"mcdrl."
_DIGEST = _PREFIX + b"digest"
_DAMAGE = (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError)  # what pyarrow makes of damage


@dataclass(frozen=True)
class Table:
    """The contract of one Parquet file.

    Attributes:
        name: schema id, such as "cases/1"; a change of meaning takes a new number.
        schema: columns in order; `nullable=False` fields refuse nulls.
        key: the columns that identify a row; checked to be unique.
        metadata: names of the strings that every file carries, such as the backbone's fingerprint.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    metadata: tuple[str, ...] = ()

    def write(self, rows: pd.DataFrame, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        """Write `rows` atomically; equal rows give equal bytes.

        Raises:
            ValueError: a column, type, null, key or metadata entry breaks the contract (a bug of the writer).
        """
        given = dict(metadata or {})
        if set(given) != set(self.metadata):
            raise ValueError(f"{self.name}: metadata {sorted(given)}, expected {sorted(self.metadata)}")
        problem = self._problem(list(rows.columns), rows) or self._text_for_number(rows)
        if problem:
            raise ValueError(f"{self.name}: {problem}")
        try:
            table = pa.Table.from_pandas(rows, schema=self.schema, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(f"{self.name}: {error}") from error
        stamped = {_PREFIX + key.encode(): value.encode() for key, value in sorted(given.items())}
        stamped = {_PREFIX + b"schema": self.name.encode(), **stamped}
        table = table.replace_schema_metadata({**stamped, _DIGEST: _digest(stamped, len(table))})
        with atomic(path) as partial:
            pq.write_table(table, partial, write_page_checksum=True)

    def read(self, path: Path) -> pd.DataFrame:
        """Read and check the table.

        Raises:
            InputError: the file is missing, damaged or of another schema.
        """
        with _readable(path):
            table = self._open(path)
            rows: pd.DataFrame = table.to_pandas()
            problem = self._problem(table.column_names, rows)
            if not problem and not table.schema.equals(self.schema):
                problem = f"column types {table.schema.types}, expected {self.schema.types}"
        if problem:
            raise InputError(f"{path}: {problem}; delete it and run `dvc repro`")
        return rows

    def read_metadata(self, path: Path) -> dict[str, str]:
        """Return the strings that the file carries beside its rows.

        Raises:
            InputError: it is missing, damaged or of another schema.
        """
        with _readable(path):
            stamped = self._open(path).schema.metadata
            return {key: stamped[_PREFIX + key.encode()].decode() for key in self.metadata}

    def _open(self, path: Path) -> pa.Table:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read()  # not read_table, which takes "name=1" in a folder for a column
        stamped = {key: value for key, value in (table.schema.metadata or {}).items() if key.startswith(_PREFIX)}
        found = stamped.get(_PREFIX + b"schema", b"none").decode()
        if found != self.name:
            raise InputError(f"{path} has schema '{found}', expected '{self.name}'; delete it and run `dvc repro`")
        lacking = [key for key in self.metadata if _PREFIX + key.encode() not in stamped]
        if lacking:
            raise InputError(f"{path} lacks {lacking}; delete it and run `dvc repro`")
        if stamped.pop(_DIGEST, b"") != _digest(stamped, len(table)):
            raise InputError(
                f"{path} is damaged or was written by another version: its digest doesn't fit its strings and "
                f"{len(table)} rows; delete it and run `dvc repro`"
            )
        return table

    def _text_for_number(self, rows: pd.DataFrame) -> str:
        # Arrow would read the numbers out of the text.
        numbers = [f.name for f in self.schema if not pa.types.is_string(f.type)]
        text = [name for name in numbers if pd.api.types.infer_dtype(rows[name], skipna=True) == "string"]
        return f"text in {text}" if text else ""

    def _problem(self, columns: list[str], rows: pd.DataFrame) -> str:
        if set(columns) != set(self.schema.names):
            missing = sorted(set(self.schema.names) - set(columns))
            extra = sorted(set(columns) - set(self.schema.names))
            return f"missing columns {missing}, unexpected columns {extra}"
        nulls = [f.name for f in self.schema if not f.nullable and rows[f.name].isna().any()]
        if nulls:
            return f"nulls in {nulls}"
        repeated = rows[rows.duplicated(list(self.key))]
        if len(repeated):
            return f"{len(repeated)} repeated keys {self.key}, the first {repeated.iloc[0][list(self.key)].tolist()}"
        return ""


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; run `dvc repro` to make it") from None
    except _DAMAGE as error:
        raise InputError(f"{path} is not a readable Parquet file ({error}); delete it and run `dvc repro`") from None


def _digest(stamped: Mapping[bytes, bytes], rows: int) -> bytes:
    """Return the hex digest of the strings that a table carries and of its number of rows."""
    return hashlib.sha256(repr((sorted(stamped.items()), rows)).encode()).hexdigest().encode()


def column(name: str, kind: pa.DataType, *, nullable: bool = False) -> pa.Field:
    """Return a column of a schema; nulls are refused unless allowed."""
    return pa.field(name, kind, nullable=nullable)
