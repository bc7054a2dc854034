"""HDF5 stores of one array row a frame, with a declared schema, streamed in and out.

Frames are appended in batches and read by row, so that memory doesn't grow with their number.
"""

from __future__ import annotations

import errno
import os
import shutil
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
_SPARE_BYTES = 8 * 2**20  # left on the disk for HDF5's own tables
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
    def write(self, path: Path, case_ids: Sequence[str] | None, attributes: Mapping[str, str]) -> Iterator[StoreWriter]:
        """Yield a writer; the file appears under its name only when every case has its row.

        Args:
            path: where the file goes.
            case_ids: the frames, in the order of the rows; None: known at the end only, see
                `StoreWriter.name_rows`.
            attributes: the strings that the contract asks for.

        Raises:
            ValueError: attributes or arrays break the contract (a bug of the writer).
        """
        if set(attributes) != set(self.attributes):
            raise ValueError(f"{self.name}: attributes {sorted(attributes)}, expected {sorted(self.attributes)}")
        with atomic(path) as partial, h5py.File(partial, "w", track_order=False) as file:
            file.attrs["schema"] = self.name
            for key in sorted(attributes):
                file.attrs[key] = attributes[key]
            writer = StoreWriter(self, file)
            if case_ids is not None:
                writer.name_rows(case_ids)
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

    def __init__(self, store: Store, file: h5py.File) -> None:
        """Take a new, open file."""
        self._store, self._file = store, file
        self._rows: int | None = None  # None: not known yet, so datasets grow
        self._done: dict[str, int] = {}
        self._sizes: dict[str, int] = {}

    def name_rows(self, case_ids: Sequence[str]) -> None:
        """Say which frames the rows belong to; once, before the first row or after the last one.

        Raises:
            ValueError: a case id stands twice, or the rows have names already.
        """
        if self._rows is not None or len(set(case_ids)) != len(case_ids):
            raise ValueError(f"{self._store.name}: repeated case ids")
        self._file.create_dataset("case_id", data=list(case_ids), dtype=h5py.string_dtype())
        self._rows = len(case_ids)

    def append(self, **arrays: Array | list[bytes]) -> None:
        """Append the next rows of the named datasets; write a group's member as `maps__s4` for `maps/s4`."""
        for name, rows in arrays.items():
            dataset = name.replace("__", "/")
            start = self._done.get(dataset, 0)
            stop = start + len(rows)
            if self._rows is not None and stop > self._rows:
                raise ValueError(f"{self._store.name}: more than {self._rows} rows of '{dataset}'")
            checked = self._checked(dataset, rows)
            self._check_space(sum(row.nbytes for row in checked))
            target = self._file[dataset] if dataset in self._done else self._create(dataset, checked)
            if self._rows is None:
                target.resize(stop, axis=0)
            _fill(target, start, checked)
            self._done[dataset] = stop

    def check_complete(self) -> None:
        """Raise ValueError unless the rows have names and every declared dataset has all of its rows."""
        if self._rows is None:
            raise ValueError(f"{self._store.name}: the rows were given no case ids")
        short = {name: done for name, done in self._done.items() if done != self._rows}
        absent = [name for name in self._store.fields if not name.endswith("/*") and name not in self._done]
        if self._rows and (short or absent):
            raise ValueError(f"{self._store.name}: {self._rows} rows expected, got {short}, absent {absent}")

    def _check_space(self, needed_bytes: int) -> None:
        # Asked beforehand, as HDF5 crashes the process when a write fails for want of space.
        if shutil.disk_usage(Path(self._file.filename).parent).free < needed_bytes + _SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.filename)

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

    def _create(self, dataset: str, rows: Array) -> h5py.Dataset:
        field = self._store.field(dataset)
        shape = rows.shape[1:]
        kind = h5py.vlen_dtype(np.uint8) if field.dtype == BYTES else field.dtype
        grows = {"maxshape": (None, *shape)} if self._rows is None else {}
        packing = {"compression": "gzip", "compression_opts": 1} if field.compress else {}
        return self._file.create_dataset(
            dataset,
            (self._rows or 0, *shape),
            kind,
            chunks=(1, *shape) if shape else None,
            track_times=False,
            **grows,
            **packing,
        )


class StoreReader:
    """Reads rows by case; made by `Store.read`."""

    def __init__(self, store: Store, file: h5py.File, path: Path) -> None:
        """Check the file against its contract."""
        self._store, self._file, self.path = store, file, path
        found = file.attrs.get("schema", "none")
        if found != store.name:
            raise InputError(f"{path} has schema '{found}', expected '{store.name}'; delete it and run `dvc repro`")
        lacking = [key for key in store.attributes if key not in file.attrs]
        lacking += [] if "case_id" in file else ["case_id"]
        if lacking:
            raise InputError(f"{path} lacks {lacking}; delete it and run `dvc repro`")
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
            InputError: a case isn't in the file, or the file is damaged.
        """
        index = np.array([self._index(case) for case in case_ids], dtype=np.int64)
        source = self._file[dataset]
        out = np.empty((len(index), *source.shape[1:]), source.dtype)
        done = 0
        runs = np.split(index, np.flatnonzero(np.diff(index) != 1) + 1) if len(index) else []
        for run in runs:  # slices, as h5py takes a millisecond for every entry of an index list
            with self._damage():
                out[done : done + len(run)] = source[run[0] : run[-1] + 1]
            done += len(run)
        return out

    def blobs(self, dataset: str, case_ids: Sequence[str]) -> list[bytes]:
        """Return the byte strings of the given cases.

        Raises:
            InputError: as `rows`.
        """
        with self._damage():
            return [self._file[dataset][self._index(case)].tobytes() for case in case_ids]

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"{self.path} is damaged ({error}); delete it and run `dvc repro`") from None

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
            members = [name] if place == name else [f"{place}/{member}" for member in self.members(place)]
            for member in members:
                self._check_field(member)

    def _check_field(self, dataset: str) -> None:
        found, field = self._file[dataset], self._store.field(dataset)
        if len(found) != len(self):
            raise InputError(f"{self.path}: '{dataset}' has {len(found)} rows for {len(self)} frames")
        rank = found.ndim - 1 if field.dims is None else len(field.dims)
        if field.dtype != BYTES and (found.dtype != np.dtype(field.dtype) or found.ndim - 1 != rank):
            raise InputError(
                f"{self.path}: '{dataset}' is {found.dtype} with {found.ndim - 1} axes a frame, "
                f"expected {field.dtype} with {rank}; delete it and run `dvc repro`"
            )


def _fill(target: h5py.Dataset, start: int, rows: Array) -> None:
    if rows.dtype != object:
        target[start : start + len(rows)] = rows
        return
    for index, row in enumerate(rows, start):  # byte strings of equal length at once would become a matrix
        target[index] = row
