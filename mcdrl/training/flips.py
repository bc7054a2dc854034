"""Which frames of a batch are mirrored."""

from __future__ import annotations

from collections.abc import Sequence

from mcdrl.base.seeds import generator
from mcdrl.imaging.flips import UNFLIPPED


def drawn(count: int, legal: Sequence[str], *place: str | int) -> list[str]:
    """Draw how each of `count` frames is mirrored: each way in `legal`, and not at all, with even chances.

    Args:
        count: frames of the batch.
        legal: flips; none: nothing is mirrored.
        place: what the draw belongs to, such as seed, epoch and step; equal places give equal draws.
    """
    ways = [UNFLIPPED, *legal]
    return [ways[number] for number in generator("flips", *place).integers(len(ways), size=count)]
