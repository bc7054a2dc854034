"""What an HDF5 file of rows a frame holds: its fields, and the strings that it carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
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
class Contract:
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


def ends_of(dataset: str) -> str:
    """Return the name of the dataset that says where each byte string of another one ends."""
    return f"{dataset}_ends"
