"""Mirror images of frames; an encoder's maps can't be mirrored instead, its filters and padding aren't symmetric."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
FLIPS: dict[str, tuple[int, ...]] = {"horizontal": (2,), "vertical": (1,), "both": (1, 2)}  # name -> axes of [B, Y, X]
UNFLIPPED = ""


def flipped(rows: Array, name: str) -> Array:
    """Mirror frames or masks.

    Args:
        rows: [B, Y, X, ...].
        name: a key of `FLIPS`, or `UNFLIPPED`.
    """
    return rows if name == UNFLIPPED else np.ascontiguousarray(np.flip(rows, FLIPS[name]))


def member(flip: str, dataset: str) -> str:
    """Return under what name the group `flipped` of a store holds a dataset of the mirrored frames."""
    return f"{flip}.{dataset.replace('/', '.')}"


def flips_of(members: list[str]) -> list[str]:
    """Return the flips that the names of a group `flipped` tell of, in the order of `FLIPS`."""
    found = {name.partition(".")[0] for name in members}
    return [flip for flip in FLIPS if flip in found]
