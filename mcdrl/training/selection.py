"""The rule that chooses the epoch. It sees validation frames of the source sites only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """What is recorded of an epoch.

    Attributes:
        epoch: from 0.
        losses: the weighted terms of the loss by name, mean over the epoch's steps.
        val_dice: mean Dice over the validation frames with a lesion, 0..1.
    """

    epoch: int
    losses: dict[str, float]
    val_dice: float


def best_validation_epoch(history: Sequence[Epoch], *, first: int) -> int:
    """Return the epoch with the highest validation Dice, the earliest of several.

    Epochs before `first` are chosen only as long as there is no other: their network isn't yet the method's.
    """
    return max(history, key=lambda record: (record.epoch >= first, record.val_dice, -record.epoch)).epoch
