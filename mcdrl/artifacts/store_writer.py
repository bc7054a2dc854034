"""Appending batches of rows to a store."""

from __future__ import annotations

from collections.abc import Sequence

import h5py
import numpy as np

from mcdrl.artifacts.store_contract import BYTES, Array, Contract, Field, ends_of
from mcdrl.artifacts.store_output import OutputFile

_CHUNK_BYTES = 2**16  # of datasets with one axis; others have a chunk a frame


class StoreWriter:
    """Appends batches of rows; made by `Store.write`."""

    def __init__(self, store: Contract, file: h5py.File, output: OutputFile) -> None:
        """Take a new, open file and what it writes into."""
        self._store, self._file, self._output = store, file, output
        self._rows: int | None = None  # None: not known yet, so datasets grow
        self._done: dict[str, int] = {}
        self._bytes: dict[str, int] = {}  # written of each dataset of byte strings
        self._sizes: dict[str, int] = {}

    def name_rows(self, case_ids: Sequence[str]) -> None:
        """Say which frames the rows belong to; once, before the first row or after the last one.

        Raises:
            ValueError: a case id stands twice, or the rows have names already.
        """
        if self._rows is not None or len(set(case_ids)) != len(case_ids):
            raise ValueError(f"{self._store.name}: repeated case ids")
        names = [case.encode() for case in case_ids]
        kind = h5py.string_dtype("utf-8", max(map(len, names), default=1))
        self._write("case_id", np.array(names, kind), 0, len(names))
        self._rows = len(case_ids)

    def append(self, **arrays: Array | list[bytes]) -> None:
        """Append the next rows of the named datasets; write a group's member as `maps__s4` for `maps/s4`."""
        for name, rows in arrays.items():
            dataset = name.replace("__", "/")
            start = self._done.get(dataset, 0)
            stop = start + len(rows)
            if self._rows is not None and stop > self._rows:
                raise ValueError(f"{self._store.name}: more than {self._rows} rows of '{dataset}'")
            field = self._store.field(dataset)
            if field.dtype == BYTES:
                self._append_bytes(dataset, [bytes(row) for row in rows], start)
            else:
                self._write(dataset, self._checked(dataset, field, rows), start, self._rows, compress=field.compress)
            self._done[dataset] = stop

    def _append_bytes(self, dataset: str, rows: Sequence[bytes], start: int) -> None:
        """Append byte strings end to end, and where each of them ends."""
        before = self._bytes.get(dataset, 0)
        ends = before + np.cumsum([len(row) for row in rows], dtype=np.int64)
        self._write(dataset, np.frombuffer(b"".join(rows), np.uint8), before, None)
        self._write(ends_of(dataset), ends, start, self._rows)
        self._bytes[dataset] = int(ends[-1]) if len(ends) else before

    def _write(self, dataset: str, rows: Array, start: int, total: int | None, *, compress: bool = False) -> None:
        """Put rows into a dataset from row `start` on; it has `total` rows, or grows."""
        if dataset not in self._file:
            self._create(dataset, rows, total, compress)
        target = self._file[dataset]
        if total is None:
            target.resize(start + len(rows), axis=0)
        target[start : start + len(rows)] = rows
        self._output.check()

    def check_complete(self) -> None:
        """Raise ValueError unless the rows have names and every declared dataset has all of its rows."""
        if self._rows is None:
            raise ValueError(f"{self._store.name}: the rows were given no case ids")
        short = {name: done for name, done in self._done.items() if done != self._rows}
        needed = [name for name, field in self._store.fields.items() if not name.endswith("/*") and not field.optional]
        absent = [name for name in needed if name not in self._done]
        if self._rows and (short or absent):
            raise ValueError(f"{self._store.name}: {self._rows} rows expected, got {short}, absent {absent}")

    def _checked(self, dataset: str, field: Field, rows: Array | list[bytes]) -> Array:
        array = np.asarray(rows)
        if array.dtype != np.dtype(field.dtype):
            raise ValueError(f"{self._store.name}: '{dataset}' is {array.dtype}, expected {field.dtype}")
        if field.dims is not None:
            self._check_dims(dataset, field.dims, array.shape[1:])
        return array

    def _check_dims(self, dataset: str, dims: str, shape: tuple[int, ...]) -> None:
        prefix = f"{dataset}." if f"{dataset.rpartition('/')[0]}/*" in self._store.fields else ""
        sizes = [self._sizes.setdefault(prefix + letter, size) for letter, size in zip(dims, shape, strict=False)]
        if len(dims) != len(shape) or tuple(sizes) != shape:
            raise ValueError(f"{self._store.name}: '{dataset}' has shape {shape}, expected ({dims}) = {sizes}")

    def _create(self, dataset: str, rows: Array, total: int | None, compress: bool) -> None:
        shape = rows.shape[1:]
        long = 1 if shape else max(1, _CHUNK_BYTES // rows.dtype.itemsize)
        chunk = (long if total is None else min(long, total), *shape)
        packing = {"chunks": chunk, "compression": "gzip", "compression_opts": int(compress)} if total != 0 else {}
        self._file.create_dataset(
            dataset, (total or 0, *shape), rows.dtype, maxshape=(total, *shape), track_times=False, **packing
        )
