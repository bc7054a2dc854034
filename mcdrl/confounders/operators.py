"""One frame under one confounder of a strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcdrl.base.seeds import generator
from mcdrl.confounders.field import field_of_view, with_border, without_border
from mcdrl.confounders.views import VIEWS
from mcdrl.renderer import apply_confounder
from mcdrl.renderer.fields import Array

Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]
OPERATOR_OF: dict[str, str] = {
    "motion blur": "blur",
    "compression artifacts": "artifacts",
    "bright lighting": "bright",
    "dark lighting": "dark",
    "uneven lighting": "uneven",
    "narrow-band imaging": "narrow_band_imaging",
    "white light": "white_light",
    "near view": "near_view",
    "far view": "far_view",
    "mucus": "mucus",
    "blood": "blood",
    "specular reflection": "reflection",
}
"""The confounders, called as in the dictionary that the project ships -> the phantom's names of the operators."""
_PLACED = ("blood", "reflection")  # they lie in places, which must be in view


@dataclass(frozen=True)
class Stressed:
    """A frame under a confounder.

    Attributes:
        image: [S, S, 3] uint8, RGB.
        mask: [S, S] bool, True on lesion; it moves in the two views and stays in all others, so what blood, mucus and
            glare cover still counts as lesion.
        judged: [S, S] bool, False where nobody judged, which moves with the mask.
    """

    image: Pixels
    mask: Bools
    judged: Bools


class Frame:
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
            confounder: a key of `OPERATOR_OF`.
            strength: 0..1; 0 returns the frame untouched.

        Raises:
            ValueError: there is no such confounder, or the strength is out of range.
        """
        if confounder not in OPERATOR_OF:
            raise ValueError(f"no confounder '{confounder}'; legal: {', '.join(OPERATOR_OF)}")
        if not 0 <= strength <= 1:
            raise ValueError(f"strength of '{confounder}' is {strength}, expected 0..1")
        if strength == 0:
            return self.untouched
        changed, mask, judged = self._changed(OPERATOR_OF[confounder], strength)
        shown = with_border(changed, self._image, self._open, self._field)
        return Stressed(np.asarray(np.rint(np.clip(shown, 0, 1) * 255), np.uint8), mask, judged)

    def _changed(self, operator: str, strength: float) -> tuple[Array, Bools, Bools]:
        mask, judged = self.untouched.mask, self.untouched.judged
        rng = generator("stress", self._case_id, operator)
        if operator in VIEWS:
            changed, (moved, ignored) = VIEWS[operator](self._open, (mask, ~judged), self._field, strength, rng)
            return changed, moved & self._field, ~ignored | ~self._field
        where = self._field.astype(np.float32) if operator in _PLACED else None
        return apply_confounder(self._open, operator, strength, rng, where), mask, judged
