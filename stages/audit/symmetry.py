"""The eight ways in which a square frame can be mirrored and turned."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcdrl.artifacts.audit import IDENTITY

Array = np.ndarray[Any, np.dtype[Any]]
SYMMETRIES = (
    IDENTITY, "rotate_90", "rotate_180", "rotate_270",
    "flip_left_right", "transpose", "flip_top_bottom", "transverse",
)  # named as Pillow names them: quarter turns against the clock; the same of the mirrored frame  # fmt: skip
_QUARTERS = 4


def turned(frames: Array, symmetry: int) -> Array:
    """Return frames mirrored and turned.

    Args:
        frames: [..., S, S].
        symmetry: index into `SYMMETRIES`.
    """
    mirrored = np.flip(frames, -1) if symmetry >= _QUARTERS else frames
    return np.rot90(mirrored, symmetry % _QUARTERS, axes=(-2, -1))


def inverse(symmetries: Array) -> Array:
    """Return what undoes each of the symmetries, as indices; all but the quarter turns undo themselves."""
    quarter = symmetries % 2 == 1
    return np.where(quarter & (symmetries < _QUARTERS), _QUARTERS - symmetries, symmetries)
