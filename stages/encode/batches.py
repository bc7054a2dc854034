"""The stored frames of one site, in batches."""

from __future__ import annotations

from collections.abc import Sequence

from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.base.errors import InputError


def batches(cases: Sequence[str], size: int) -> list[list[str]]:
    """Split the cases into runs of at most `size`, in order."""
    return [list(cases[start : start + size]) for start in range(0, len(cases), size)]


def site_of(reader: StoreReader, expected: str) -> str:
    """Return the site that the frames belong to.

    Raises:
        InputError: they belong to another one than expected.
    """
    found = reader.attributes["site"]
    if found != expected:
        raise InputError(f"{reader.path} holds frames of site '{found}', expected '{expected}'; run `dvc repro`")
    return found
