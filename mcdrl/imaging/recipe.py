"""What is done with every frame and mask of a site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcdrl.artifacts.frames import IGNORED
from mcdrl.base.view_rule import ViewRule
from mcdrl.study.meanings import BACKGROUND, IGNORE, LESION


@dataclass(frozen=True)
class ReadingRecipe:
    """What is done with every frame of a site.

    Attributes:
        size_px: side S of the working square.
        threshold: grey value 1..255 from which a pixel of a plain mask is lesion.
        swap: whether red and blue change places.
        view: what of a frame is looked at.
        values: lesion class -> its value 1..254 in the masks.
        meanings: what the values of stored masks mean, as `Reading.mask_values` says; None: plain masks alone are read.
    """

    size_px: int
    threshold: int
    swap: bool
    view: ViewRule
    values: Mapping[str | None, int]
    meanings: Mapping[str, str] | None = None

    def table(self, lesion_class: str | None) -> dict[str, int] | None:
        """Return stored value -> value in the mask, where a lesion without a class of its own has the given one."""
        if self.meanings is None:
            return None
        known = {**self.values, BACKGROUND: 0, IGNORE: IGNORED, LESION: self.values.get(lesion_class, 1)}
        return {stored: known[meaning] for stored, meaning in self.meanings.items()}
