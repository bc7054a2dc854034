"""held_out_scores.json: how a model did at the site that it was kept from.

`evaluate` writes it, `mcdrl pack` takes it along.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json
from mcdrl.base.section import Number, Section, Share, SizePx, Threshold, distinct, sentences

HELD_OUT_SCORES = "held_out_scores.json"
_AGAIN = "copy the model's folder again, or run `dvc repro evaluate`"
OF_SOURCES = (
    "on patients of the sites that it was trained on, which says little of other hospitals"  # a validation Dice
)


class HeldOutScores(Section):
    """A model's scores at its held-out site, at the frames' own sizes.

    Attributes:
        weights_sha256: of the model's weights, hex.
        held_out: the site.
        threshold: probability from which a pixel is lesion, between 0 and 1.
        further_sizes_px: at which the model was asked, beside its working size; none twice.
        n_lesion: frames with a lesion.
        n_groups: patients or sequences that they come from; as many as frames where nobody knows.
        dice: mean over the frames with a lesion, 0..1; None: there is none.
        dice_low: lower end of its 95 % interval over groups, of this training; None: fewer than five groups.
        dice_high: upper end.
        n_negative: frames without a lesion.
        false_positive_rate: share of those on which a lesion is drawn; None: there is none.
        leaked_frames: frames of the site that were trained on, as a source site has them, too.
    """

    weights_sha256: str
    held_out: str
    threshold: Threshold
    n_lesion: Number
    n_groups: Number
    dice: Share | None
    dice_low: Share | None
    dice_high: Share | None
    n_negative: Number
    false_positive_rate: Share | None
    leaked_frames: Number = 0
    further_sizes_px: list[SizePx] = Field(default_factory=list)

    _once = field_validator("further_sizes_px")(distinct)


def write_held_out_scores(scores: HeldOutScores, folder: Path) -> None:
    """Write held_out_scores.json into a folder."""
    write_json(scores.model_dump(), folder / HELD_OUT_SCORES)


def read_held_out_scores(folder: Path) -> HeldOutScores:
    """Read the held_out_scores.json of a folder.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        return HeldOutScores.model_validate(read_json(folder / HELD_OUT_SCORES, _AGAIN))
    except ValidationError as error:
        problem = sentences(error, "", HeldOutScores)[0]
        raise InputError(f"{folder / HELD_OUT_SCORES}: {problem}; {_AGAIN}") from None
