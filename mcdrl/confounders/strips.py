"""What the operators do to one frame, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcdrl.confounders.confounder import Bools
from mcdrl.confounders.finished import FinishedFrame, Pixels, Stressed
from mcdrl.confounders.registry import phrases


@dataclass(frozen=True)
class Strip:
    """One frame under one confounder, from untouched to strong.

    Attributes:
        confounder: a phrase of the registry.
        strengths: from 0, the untouched frame, upwards.
        pictures: one a strength, with its mask.
    """

    confounder: str
    strengths: tuple[float, ...]
    pictures: tuple[Stressed, ...]


def strips(image: Pixels, mask: Bools, case_id: str, strengths: Sequence[float]) -> list[Strip]:
    """Return one strip a confounder, in the order of the registry; the very pictures that the stage judged.

    Args:
        image: [S, S, 3] uint8, RGB, at working size.
        mask: [S, S] bool, True on lesion.
        case_id: its name, on which all that is random depends.
        strengths: each above 0 up to 1; the untouched frame comes by itself.
    """
    frame = FinishedFrame(image, mask, case_id)
    levels = (0.0, *sorted(strengths))
    return [Strip(name, levels, tuple(frame.under(name, level) for level in levels)) for name in phrases()]
