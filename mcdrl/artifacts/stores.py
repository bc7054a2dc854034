"""HDF5 stores of one array row a frame, with a declared schema, streamed in and out.

Frames are appended in batches and read by row, so that memory doesn't grow with their number.

A block that was flipped or zeroed on the disk must not pass for data. So every chunk is a zlib stream, whose checksum
HDF5 compares when it reads (HDF5's own Fletcher-32 lets zeros pass: their sum is zero, too), the format is the first
one that has checksums in its tables, and nothing of variable length is stored, since HDF5's heap for that has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import h5py

from mcdrl.artifacts.store_contract import Contract
from mcdrl.artifacts.store_output import open_output
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.artifacts.store_writer import StoreWriter
from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic

_FORMAT = ("v110", "v110")  # HDF5's; fixed, so that a newer library writes the same bytes


class Store(Contract):
    """A contract whose files can be written and read."""

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
            open_output(partial) as output,
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


def _set_attribute(file: h5py.File, key: str, text: str) -> None:
    data = text.encode()
    file.attrs.create(key, data, dtype=h5py.string_dtype("utf-8", max(1, len(data))))
