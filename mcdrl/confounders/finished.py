"""One finished frame under one confounder of a strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mcdrl.base.fields import Array
from mcdrl.base.seeds import generator
from mcdrl.confounders.confounder import Bools, OnGeometry, OnPixels, OnScreen
from mcdrl.confounders.field_of_view import field_of_view, with_border, without_border
from mcdrl.confounders.registry import apply_confounder, named
from mcdrl.view import Box, looked_at, squash

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Stressed:
    """A frame under a confounder.

    Attributes:
        image: [S, S, 3] uint8, RGB.
        mask: [H, W] bool, True on lesion; it moves with what is seen and stays under all else, so what blood, mucus and
            glare cover still counts as lesion. H and W are S but on a screen.
        judged: [H, W] bool, False where nobody judged, which moves with the mask.
        box: left, top, right, bottom of what of the mask the image shows; None: all.
    """

    image: Pixels
    mask: Bools
    judged: Bools
    box: Box | None = None

    @property
    def shown_mask(self) -> Bools:
        """The mask of the image, [S, S] bool."""
        if self.box is None:
            return self.mask
        square = Image.fromarray(self.mask).resize(self.image.shape[1::-1], Image.Resampling.NEAREST, self.box)
        return np.asarray(square)


class FinishedFrame:
    """A finished frame that is put under confounders; what they share is worked out once."""

    def __init__(self, image: Pixels, mask: Bools, case_id: str, judged: Bools | None = None) -> None:
        """Take a frame.

        Args:
            image: [S, S, 3] uint8, RGB.
            mask: [S, S] bool, True on lesion.
            case_id: its name, on which all that is random depends.
            judged: [S, S] bool, where the mask counts; None: everywhere.
        """
        self.untouched, self._case_id = Stressed(image, mask, np.ones_like(mask) if judged is None else judged), case_id
        self._image: Array = image.astype(np.float32) / np.float32(255)
        self._field = field_of_view(self._image, mask)
        self._open = without_border(self._image, self._field)

    def under(self, confounder: str, strength: float) -> Stressed:
        """Return the frame under one confounder.

        Args:
            confounder: a phrase of the registry.
            strength: 0..1; 0 returns the frame untouched.

        Raises:
            ValueError: there is no such confounder, or the strength is out of range.
        """
        entry = named(confounder)
        if not 0 <= strength <= 1:
            raise ValueError(f"strength of '{confounder}' is {strength}, expected 0..1")
        if strength == 0:
            return self.untouched
        if isinstance(entry.operator, OnScreen):
            return self._on_screen(entry.operator, strength)
        rng = generator("stress", self._case_id, entry.name)
        if isinstance(entry.operator, OnGeometry):
            return self._moved(entry.operator, strength, rng)
        return self._recoloured(entry.name, entry.operator, strength, rng)

    def _recoloured(self, name: str, operator: OnPixels, strength: float, rng: np.random.Generator) -> Stressed:
        where = self._field.astype(np.float32) if operator.placed else None
        changed = apply_confounder(self._open, name, strength, rng, where)
        return Stressed(self._in_view(changed), self.untouched.mask, self.untouched.judged)

    def _moved(self, operator: OnGeometry, strength: float, rng: np.random.Generator) -> Stressed:
        masks = self.untouched.mask, ~self.untouched.judged
        changed, (lesion, ignored) = operator.apply(self._open, masks, self._field, strength, rng)
        judged = np.where(self._field, ~ignored, self.untouched.judged)  # the border stays where it is
        return Stressed(self._in_view(changed), lesion & self._field, judged)

    def _on_screen(self, operator: OnScreen, strength: float) -> Stressed:
        """Return the frame on a screen, the same one for all rules of the view."""
        rng = generator("stress", self._case_id, operator.apply.__name__)
        masks = self.untouched.mask, ~self.untouched.judged
        drawn, (lesion, ignored) = operator.apply(self._image, masks, strength, rng)
        screen = _pixels(drawn)
        box = looked_at(screen, operator.view).box
        return Stressed(squash(Image.fromarray(screen), len(self._image), box), lesion, ~ignored, box)

    def _in_view(self, changed: Array) -> Pixels:
        return _pixels(with_border(changed, self._image, self._open, self._field))


def _pixels(image: Array) -> Pixels:
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
