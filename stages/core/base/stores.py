"""HDF5 stores of one array row a frame, with a declared schema, streamed in and out.

Frames are appended in batches and read by row, so that memory doesn't grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages.core.base.errors import InputError
from stages.core.base.files import atomic

Array = np.ndarray[Any, np.dtype[Any]]
BYTES = "bytes"  # the dtype of a field that holds one byte string a frame


@dataclass(frozen=True)
class Field:
    """One dataset of a store.

    Attributes:
        dtype: numpy dtype name, or `BYTES` for one byte string a frame.
        dims: a letter for each axis after the frame axis, such as "HWD"; equal letters in one store have equal
            size. An empty string: one number a frame. None: any number of axes.
        compress: gzip the chunks (for masks and other arrays that shrink a lot).
    """

    dtype: str
    dims: str | None
    compress: bool = False


@dataclass(frozen=True)
class Store:
    """The contract of one HDF5 file: `case_id` plus the declared fields, one row a frame.

    Attributes:
        name: schema id, such as "features/1".
        fields: name -> field; a name that ends in "/*" stands for a group of any number of datasets whose dims are
            their own.
        attributes: names of the strings that every file carries.
    """

    name: str
    fields: Mapping[str, Field]
    attributes: tuple[str, ...]

    @contextmanager
    def write(self, path: Path, case_ids: Sequence[str], attributes: Mapping[str, str]) -> Iterator[StoreWriter]:
        """Yield a writer; the file appears under its name only when every case has its row.

        Raises:
            ValueError: attributes or arrays break the contract (a bug of the writer).
        """
        if set(attributes) != set(self.attributes):
            raise ValueError(f"{self.name}: attributes {sorted(attributes)}, expected {sorted(self.attributes)}")
        if len(set(case_ids)) != len(case_ids):
            raise ValueError(f"{self.name}: repeated case ids")
        with atomic(path) as partial, h5py.File(partial, "w", track_order=False) as file:
            file.attrs["schema"] = self.name
            for key in sorted(attributes):
                file.attrs[key] = attributes[key]
            file.create_dataset("case_id", data=list(case_ids), dtype=h5py.string_dtype())
            writer = StoreWriter(self, file, len(case_ids))
            yield writer
            writer.check_complete()

    @contextmanager
    def read(self, path: Path) -> Iterator[StoreReader]:
        """Yield a reader of a checked file.

        Raises:
            InputError: the file is missing, cut short or of another schema.
        """
        if not path.is_file():
            raise InputError(f"{path} does not exist; run `dvc repro` to make it")
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            raise InputError(f"{path} is damaged or half-written ({error}); delete it and run `dvc repro`") from None
        with file:
            yield StoreReader(self, file, path)

    def field(self, dataset: str) -> Field:
        """Return the field that a dataset's name belongs to.

        Raises:
            ValueError: the contract has no such dataset.
        """
        group = dataset.rpartition("/")[0] + "/*"
        found = self.fields.get(dataset) or self.fields.get(group)
        if found is None:
            raise ValueError(f"{self.name} has no dataset '{dataset}'")
        return found


class StoreWriter:
    """Appends batches of rows; made by `Store.write`."""

    def __init__(self, store: Store, file: h5py.File, rows: int) -> None:
        """Take a new, open file that will hold `rows` rows."""
        self._store, self._file, self._rows = store, file, rows
        self._done: dict[str, int] = {}
        self._sizes: dict[str, int] = {}

    def append(self, **arrays: Array | list[bytes]) -> None:
        """Append the next rows of the named datasets; write a group's member as `maps__s4` for `maps/s4`."""
        for name, rows in arrays.items():
            dataset = name.replace("__", "/")
            start = self._done.get(dataset, 0)
            target = self._file[dataset] if start else self._create(dataset, rows)
            if start + len(rows) > self._rows:
                raise ValueError(f"{self._store.name}: more than {self._rows} rows of '{dataset}'")
            target[start : start + len(rows)] = self._checked(dataset, rows)
            self._done[dataset] = start + len(rows)

    def check_complete(self) -> None:
        """Raise ValueError unless every declared dataset has all of its rows."""
        short = {name: done for name, done in self._done.items() if done != self._rows}
        absent = [name for name in self._store.fields if not name.endswith("/*") and name not in self._done]
        if self._rows and (short or absent):
            raise ValueError(f"{self._store.name}: {self._rows} rows expected, got {short}, absent {absent}")

    def _checked(self, dataset: str, rows: Array | list[bytes]) -> Any:
        field = self._store.field(dataset)
        if field.dtype == BYTES:
            return np.array([np.frombuffer(row, np.uint8) for row in rows] + [None], dtype=object)[:-1]
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

    def _create(self, dataset: str, rows: Array | list[bytes]) -> h5py.Dataset:
        field = self._store.field(dataset)
        if field.dtype == BYTES:
            kind = h5py.vlen_dtype(np.uint8)
            return self._file.create_dataset(dataset, (self._rows,), kind)
        shape = np.asarray(rows).shape[1:]
        packing = {"compression": "gzip", "compression_opts": 1} if field.compress else {}
        chunks = (1, *shape) if shape else None
        return self._file.create_dataset(
            dataset, (self._rows, *shape), field.dtype, chunks=chunks, track_times=False, **packing
        )


class StoreReader:
    """Reads rows by case; made by `Store.read`."""

    def __init__(self, store: Store, file: h5py.File, path: Path) -> None:
        """Check the file against its contract."""
        self._store, self._file, self.path = store, file, path
        found = file.attrs.get("schema", "none")
        if found != store.name:
            raise InputError(f"{path} has schema '{found}', expected '{store.name}'; delete it and run `dvc repro`")
        self.attributes = {key: str(file.attrs[key]) for key in store.attributes}
        self.case_ids: list[str] = [str(case) for case in file["case_id"].asstr()[:]] if len(file["case_id"]) else []
        self._row = {case: row for row, case in enumerate(self.case_ids)}
        self._check_fields()

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.case_ids)

    def members(self, group: str) -> list[str]:
        """Return the names of a group's datasets, sorted."""
        return sorted(self._file[group]) if group in self._file else []

    def shape(self, dataset: str) -> tuple[int, ...]:
        """Return a dataset's shape after the frame axis."""
        return tuple(int(size) for size in self._file[dataset].shape[1:])

    def rows(self, dataset: str, case_ids: Sequence[str]) -> Array:
        """Return the rows of the given cases, in the order given, [B, ...].

        Raises:
            InputError: a case isn't in the file.
        """
        index = np.array([self._index(case) for case in case_ids], dtype=np.int64)
        order = np.argsort(index, kind="stable")
        unique, inverse = np.unique(index, return_inverse=True)
        if len(unique) == len(index):
            read = self._file[dataset][index[order]]
            out = np.empty_like(read)
            out[order] = read
            return out
        repeated: Array = self._file[dataset][unique][inverse]
        return repeated

    def blobs(self, dataset: str, case_ids: Sequence[str]) -> list[bytes]:
        """Return the byte strings of the given cases."""
        return [self._file[dataset][self._index(case)].tobytes() for case in case_ids]

    def _index(self, case: str) -> int:
        if case not in self._row:
            raise InputError(f"{self.path} has no frame '{case}'; it belongs to other inputs: run `dvc repro`")
        return self._row[case]

    def _check_fields(self) -> None:
        if not self.case_ids:
            return
        for name in self._store.fields:
            place = name.removesuffix("/*")
            if place not in self._file:
                raise InputError(f"{self.path} lacks '{place}'; delete it and run `dvc repro`")
            if not name.endswith("/*") and len(self._file[place]) != len(self):
                raise InputError(f"{self.path}: '{place}' has {len(self._file[place])} rows for {len(self)} frames")
