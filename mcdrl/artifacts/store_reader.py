"""Reading rows of a store by case; damage is told, never passed for data."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from mcdrl.artifacts.store_contract import BYTES, Array, Contract, Field, ends_of
from mcdrl.base.errors import InputError, lacks_memory

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, zlib.error)  # raised for a file that contradicts itself


class StoreReader:
    """Reads rows by case; made by `Store.read`."""

    def __init__(self, store: Contract, file: h5py.File, path: Path) -> None:
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

    def has(self, dataset: str) -> bool:
        """Return whether a dataset that needn't be there is."""
        return dataset in self._sets

    def shape(self, dataset: str) -> tuple[int, ...]:
        """Return a dataset's shape after the frame axis."""
        return tuple(int(size) for size in self._sets[dataset].shape[1:])

    def rows(self, dataset: str, case_ids: Sequence[str]) -> Array:
        """Return the rows of the given cases, in the order given, [B, ...], of a dataset that `has`.

        Raises:
            InputError: a case isn't in the file, or the file is damaged.
        """
        index = np.array([self._index(case) for case in case_ids], dtype=np.int64)
        source = self._sets[dataset]
        out = np.empty((len(index), *source.shape[1:]), source.dtype)
        if source.chunks == (1, *source.shape[1:]):
            for place, row in enumerate(index):
                with self._damage():
                    out[place] = _chunk(source, int(row))
            return out
        done = 0
        runs = np.split(index, np.flatnonzero(np.diff(index) != 1) + 1) if len(index) else []
        for run in runs:  # slices, as h5py takes a millisecond for every entry of an index list
            with self._damage():
                out[done : done + len(run)] = source[run[0] : run[-1] + 1]
            done += len(run)
        return out

    def blobs(self, dataset: str, case_ids: Sequence[str]) -> list[bytes]:
        """Return the byte strings of the given cases, of a dataset that `has`.

        Raises:
            InputError: as `rows`.
        """
        indices = [self._index(case) for case in case_ids]
        source, ends = self._sets[dataset], self._sets[ends_of(dataset)]
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
        return {name: field, ends_of(name): Field("int64", "")} if field.dtype == BYTES else {name: field}

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


def _chunk(source: h5py.Dataset, row: int) -> Array:
    """Return a row that is a chunk; HDF5, which works for one thread at a time, only fetches what zlib then unpacks."""
    _, packed = source.id.read_direct_chunk((row, *(0 for _ in source.shape[1:])))
    return np.frombuffer(zlib.decompress(packed), source.dtype).reshape(source.shape[1:])


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
