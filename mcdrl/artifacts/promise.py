"""promise.json: what leaving one site out promises of a method at hospitals that it has never seen.

The report says it of each method, in promises/<method>.json; `deploy` lays that of its own method beside the model.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError, field_validator, model_validator

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json
from mcdrl.base.section import Number, Section, Seed, Share, SizePx, Threshold, distinct, sentences

PROMISE = "promise.json"
_AGAIN = "copy the model's folder again, or run `dvc repro deploy`"


class Promise(Section):
    """How a method did at sites that were left out in turn, each time trained on all others; figures are the report's.

    Attributes:
        held_out: the sites that were left out.
        seeds: of the trainings at each; scores are means over them.
        drawn: those of the sites whose frames are rendered, which say nothing about patients.
        threshold: probability from which a pixel is lesion, between 0 and 1.
        further_sizes_px: at which the networks were asked, beside their working size; none twice.
        dice: mean over the sites that have frames with a lesion of the mean over these, 0..1; None: there is none.
        dice_low: lower end of its 95 % interval over patients or sequences, the sites as they are; None: at a site they
            are too few, or show no spread.
        dice_high: upper end.
        by_site: the mean over each site's frames with a lesion; None: it has none.
        n_lesion: frames with a lesion.
        n_groups: patients or sequences that they come from; as many as frames where nobody knows.
        worst_site: the site with the lowest Dice.
        n_negative: frames without a lesion.
        false_positive_rate: share of those on which something is called lesion.
        false_positive_low: lower end of its 95 % interval.
        false_positive_high: upper end.
        calibration_error: expected calibration error over all pixels, after the temperature, 0..1.
        calibration_error_called: the same over pixels that are called lesion.
        flagged: share of the frames that were flagged.
        dice_flagged: mean over the flagged frames with a lesion.
        dice_unflagged: mean over the others with a lesion.
        leaked_frames: frames of held-out sites that were trained on, as a source site has them, too.
        weights: where the encoder's weights come from, as the models' cards say.
    """

    held_out: list[str]
    seeds: list[Seed]
    drawn: list[str]
    threshold: Threshold
    dice: Share | None
    dice_low: Share | None
    dice_high: Share | None
    by_site: dict[str, Share | None]
    n_lesion: Number
    n_groups: Number
    worst_site: str | None
    n_negative: Number
    false_positive_rate: Share | None
    false_positive_low: Share | None
    false_positive_high: Share | None
    calibration_error: Share | None
    calibration_error_called: Share | None
    flagged: Share | None
    dice_flagged: Share | None
    dice_unflagged: Share | None
    leaked_frames: Number
    weights: str
    further_sizes_px: list[SizePx] = Field(default_factory=list)

    _once = field_validator("further_sizes_px")(distinct)

    @model_validator(mode="after")
    def _worst_is_one_of_them(self) -> Promise:
        if self.worst_site is not None and self.by_site.get(self.worst_site) is None:
            raise ValueError(f"worst_site {self.worst_site!r} has no Dice in by_site")
        return self


def write_promise(promise: Promise | None, path: Path) -> None:
    """Write what is promised of a method, or that nothing is: no site was left out for it."""
    write_json(promise.model_dump() if promise else {}, path)


def read_promise(path: Path, again: str = "run `dvc repro report`") -> Promise | None:
    """Read what is promised of a method; None: nothing is.

    Args:
        path: of the file.
        again: how it is made anew, for the message.

    Raises:
        InputError: the file is missing or damaged.
    """
    value = read_json(path, again)
    try:
        return Promise.model_validate(value) if value else None
    except ValidationError as error:
        raise InputError(f"{path}: {sentences(error, '', Promise)[0]}; {again}") from None


def promise_of(model: Path) -> Promise | None:
    """Read the promise of a model's folder; None: there is none.

    Raises:
        InputError: it is damaged.
    """
    return read_promise(model / PROMISE, _AGAIN) if (model / PROMISE).is_file() else None
