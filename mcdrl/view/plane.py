"""The plane that most of some places' values lie on: what changes evenly across a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def fitted(design: Floats, values: Floats, rounds: int) -> tuple[Floats, Floats]:
    """Return the plane, [3, n], and how far each place is from it in the value where it is farthest, [m].

    Args:
        design: [m, 3], 1, x and y of the places.
        values: [m, n] of these, 0..255.
        rounds: of fitting, each without the half that was farther from the plane before.
    """
    near = np.ones(len(values), bool)
    for _ in range(rounds):
        plane = np.linalg.lstsq(design[near], values[near], rcond=None)[0]
        off = np.abs(values - design @ plane).max(axis=1)
        near = off <= max(float(np.median(off)), 1.0)
    return plane, off
