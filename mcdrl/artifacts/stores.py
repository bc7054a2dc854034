"""HDF5 stores of one array row a frame, with a declared schema, streamed in and out.

Frames are appended in batches and read by row, so that memory doesn't grow with their number.

A block that was flipped or zeroed on the disk must not pass for data. So every chunk is a zlib stream, whose checksum
HDF5 compares when it reads (HDF5's own Fletcher-32 lets zeros pass: their sum is zero, too), the format is the first
one that has checksums in its tables, and nothing of variable length is stored, since HDF5's heap for that has none.

HDF5 crashes the process once one of its writes has failed. So it writes through a file of ours that never fails it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mcdrl.base.errors import InputError, lacks_memory
from mcdrl.base.files import atomic

Array = np.ndarray[Any, np.dtype[Any]]
_FORMAT = ("v110", "v110")  # HDF5's; fixed, so that a newer library writes the same bytes
_CHUNK_BYTES = 2**16  # of datasets with one axis; others have a chunk a frame
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError)  # what h5py raises for a file that contradicts itself
BYTES = "bytes"  # the dtype of a field that holds one byte string a frame


@dataclass(frozen=True)
class Field:
    """One dataset of a store.

    Attributes:
        dtype: numpy dtype name, or `BYTES` for one byte string a frame.
        dims: a letter for each axis after the frame axis, such as "HWD"; equal letters in one store have equal
            size. An empty string: one number a frame. None: any number of axes.
        compress: shrink the chunks (for masks and other arrays that shrink a lot); others get the checksum alone.
        optional: whether it may be absent; of a group: whether it may have no dataset at all.
    """

    dtype: str
    dims: str | None
    compress: bool = False
    optional: bool = False


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
            OSError: the file can't be written.
        """
        if set(attributes) != set(self.attributes):
            raise ValueError(f"{self.name}: attributes {sorted(attributes)}, expected {sorted(self.attributes)}")
        with (
            atomic(path) as partial,
            _output(partial) as output,
            h5py.File(output, "w", track_order=False, libver=_FORMAT) as file,
        ):
            for key, text in {"schema": self.name, **dict(sorted(attributes.items()))}.items():
                _set_attribute(file, key, text)
            writer = StoreWriter(self, file, output)
            if case_ids is not None:
                writer.name_rows(case_ids)
            yield writer
            writer.check_complete()

    @contextmanager
    def read(self, path: Path) -> Iterator[StoreReader]:
        """Yield a reader of a checked file.

        Raises:
            InputError: the file is missing, damaged or of another schema.
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


class _Output(io.RawIOBase):
    """A new file that HDF5 writes into: the first error is kept for `check`, and what comes after it is dropped."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all of the bytes at the place that `seek` went to, unless a write has failed before."""
        rest = memoryview(data)
        try:
            while self._error is None and len(rest):
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._error = error
        return len(data)

    def readinto(self, data: Any, /) -> int:
        """Read into the bytes; zeros where nothing was written."""
        found = self._file.readinto(data) or 0
        memoryview(data)[found:] = bytes(len(data) - found)
        return len(data)

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        return self._file.seek(place, whence)

    def truncate(self, size: int | None = None, /) -> int:
        """Make the file as long as said."""
        try:
            return self._file.truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def check(self) -> None:
        """Raise the error of the first write that failed, if one did."""
        if self._error is not None:
            raise self._error


@contextmanager
def _output(path: Path) -> Iterator[_Output]:
    output = _Output(path)
    try:
        yield output
    finally:  # a failed write goes before what HDF5 or the writer made of it
        output.close()
        output.check()


class StoreWriter:
    """Appends batches of rows; made by `Store.write`."""

    def __init__(self, store: Store, file: h5py.File, output: _Output) -> None:
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
        self._write(_ends(dataset), ends, start, self._rows)
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


class StoreReader:
    """Reads rows by case; made by `Store.read`."""

    def __init__(self, store: Store, file: h5py.File, path: Path) -> None:
        """Check the file against its contract."""
        self._store, self.path = store, path
        self._sets: dict[str, h5py.Dataset] = {}
        with self._damage():
            attributes = {key: _text(value) for key, value in file.attrs.items()}
            file.visititems(self._keep)
        found = attributes.get("schema", "none")
        if found != store.name:
            raise InputError(f"{path} has schema '{found}', expected '{store.name}'; delete it and run `dvc repro`")
        lacking = [key for key in store.attributes if key not in attributes]
        lacking += [] if "case_id" in self._sets else ["case_id"]
        if lacking:
            raise InputError(f"{path} lacks {lacking}; delete it and run `dvc repro`")
        self.attributes = {key: attributes[key] for key in store.attributes}
        with self._damage():
            self.case_ids: list[str] = [str(case) for case in self._sets["case_id"].asstr()[:]]
        self._row = {case: row for row, case in enumerate(self.case_ids)}
        self._check_fields()

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.case_ids)

    def members(self, group: str) -> list[str]:
        """Return the names of a group's datasets, sorted."""
        return sorted(name.removeprefix(f"{group}/") for name in self._sets if name.startswith(f"{group}/"))

    def shape(self, dataset: str) -> tuple[int, ...]:
        """Return a dataset's shape after the frame axis."""
        return tuple(int(size) for size in self._sets[dataset].shape[1:])

    def rows(self, dataset: str, case_ids: Sequence[str]) -> Array:
        """Return the rows of the given cases, in the order given, [B, ...].

        Raises:
            InputError: a case isn't in the file, or the file is damaged.
        """
        index = np.array([self._index(case) for case in case_ids], dtype=np.int64)
        source = self._sets[dataset]
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
        indices = [self._index(case) for case in case_ids]
        source, ends = self._sets[dataset], self._sets[_ends(dataset)]
        with self._damage():
            stops = np.concatenate([[0], ends[:]])
            return [source[stops[index] : stops[index + 1]].tobytes() for index in indices]

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            if lacks_memory(error):
                raise
            raise InputError(f"{self.path} is damaged ({error}); delete it and run `dvc repro`") from None

    def _keep(self, name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset):
            self._sets[name] = item

    def _index(self, case: str) -> int:
        if case not in self._row:
            raise InputError(f"{self.path} has no frame '{case}'; it belongs to other inputs: run `dvc repro`")
        return self._row[case]

    def _check_fields(self) -> None:
        for name, field in self._store.fields.items() if self.case_ids else ():
            parts = self._parts(name, field)
            lacking = [part for part in parts if part not in self._sets]
            if field.optional and lacking == list(parts):
                continue
            if lacking or not (parts or field.optional):
                place = (lacking or [name.removesuffix("/*")])[0]
                raise InputError(f"{self.path} lacks '{place}'; delete it and run `dvc repro`")
            for part, expected in parts.items():
                if expected.dtype != BYTES:
                    self._check_field(part, expected)

    def _parts(self, name: str, field: Field) -> dict[str, Field]:
        """Return the datasets that a field consists of."""
        if name.endswith("/*"):
            group = name.removesuffix("/*")
            return {f"{group}/{member}": field for member in self.members(group)}
        return {name: field, _ends(name): Field("int64", "")} if field.dtype == BYTES else {name: field}

    def _check_field(self, dataset: str, field: Field) -> None:
        found = self._sets[dataset]
        if len(found) != len(self):
            raise InputError(f"{self.path}: '{dataset}' has {len(found)} rows for {len(self)} frames")
        rank = found.ndim - 1 if field.dims is None else len(field.dims)
        if found.dtype != np.dtype(field.dtype) or found.ndim - 1 != rank:
            raise InputError(
                f"{self.path}: '{dataset}' is {found.dtype} with {found.ndim - 1} axes a frame, "
                f"expected {field.dtype} with {rank}; delete it and run `dvc repro`"
            )


def _ends(dataset: str) -> str:
    """Return the name of the dataset that says where each byte string of another one ends."""
    return f"{dataset}_ends"


def _set_attribute(file: h5py.File, key: str, text: str) -> None:
    data = text.encode()
    file.attrs.create(key, data, dtype=h5py.string_dtype("utf-8", max(1, len(data))))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
