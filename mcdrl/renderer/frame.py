"""A rendered frame and everything that is known about it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcdrl.renderer.names import CONFOUNDERS


@dataclass(frozen=True)
class Frame:
    """One frame with its truth.

    image: uint8 [H, W, 3] RGB; mask: bool [H, W], True on lesion; lesion_class: None if there is
    no lesion; strengths: confounder name -> 0..1, 0 where absent, all that the phantom draws.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    lesion_class: str | None
    strengths: dict[str, float]


def all_strengths(present: Mapping[str, float]) -> dict[str, float]:
    """The strengths in the order of `CONFOUNDERS`, 0 where absent."""
    return {name: float(present.get(name, 0.0)) for name in CONFOUNDERS}
