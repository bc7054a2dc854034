"""The file that HDF5 writes into.

HDF5 crashes the process once one of its writes has failed. So it writes through a file of ours that never fails it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class OutputFile(io.RawIOBase):
    """A new file that HDF5 writes into: the first error is kept for `check`, and what comes after it is dropped."""

    def __init__(self, path: Path) -> None:
        """Open a new file."""
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
def open_output(path: Path) -> Iterator[OutputFile]:
    """Yield a new file; raises the error of its first write that failed once it is closed."""
    output = OutputFile(path)
    try:
        yield output
    finally:  # a failed write goes before what HDF5 or the writer made of it
        output.close()
        output.check()
