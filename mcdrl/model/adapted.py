"""What a model's card says of its adaptation to one site; nothing here needs torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from mcdrl.base.section import Number, Section, Share, SizePx, Threshold, distinct

_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ScoreChange(Section):
    """A score before and after.

    Attributes:
        before: mean over the frames, 0..1.
        after: likewise.
        low: lower end of the 95 % interval of their difference; None: there are too few groups for one.
        high: upper end.
        n_frames: on which it is defined.
    """

    before: Share
    after: Share
    low: float | None
    high: float | None
    n_frames: Number


class Adapted(Section):
    """What a model was adapted from, on what, and what that brought.

    Attributes:
        weights_sha256: of the model.safetensors that it went on from, hex.
        earlier_sha256: of those that that one went on from, the first one first; none if it was no adapted one.
        earlier: how these were adapted, the first time first, each without an `earlier` of its own; older cards lack
            the first ones, or all.
        site: the name of the folder.
        learned: from what: labels; labels, the limits alone (limits); statistics; or self-training.
        n_frames: of the site, all of which this model has seen.
        n_groups: patients, sequences or scenes that these come from.
        groups: what these are: patients (or sequences), or scenes, frames that look alike, where nobody knows patients.
        replayed: sites whose frames were replayed.
        folds: of the cross-validation over groups that the scores come from, and with them, by the frames' masks,
            temperature, limit of confidence and operating point; 0: nothing was measured, and these stayed.
        further_sizes_px: sizes beside the working size at which it was asked for the scores, and is asked from then on.
        threshold: probability from which a pixel was lesion for the scores, and is from then on, between 0 and 1; None:
            cards of older models don't say it, whose scores are of 0.5.
        scores: score -> what became of it, each frame judged by networks that had seen no frame of its group.
        advised: whether Dice was better for sure and false alarms weren't more, or of limits alone, whether the old
            ones were off for sure and the new ones less; else somebody wanted it anyway.
    """

    weights_sha256: _Sha256
    earlier_sha256: list[_Sha256] = Field(default_factory=list)
    earlier: list[Adapted] = Field(default_factory=list)
    site: str
    learned: Literal["labels", "limits", "statistics", "self-training"]
    n_frames: Number
    n_groups: Number
    groups: Literal["patients", "scenes"]
    replayed: list[str]
    folds: Number
    further_sizes_px: list[SizePx]
    threshold: Threshold | None = None
    scores: dict[str, ScoreChange]
    advised: bool

    _once = field_validator("further_sizes_px")(distinct)

    @model_validator(mode="after")
    def _earlier_ones_have_weights(self) -> Self:
        if self.n_unnoted < 0 or any(one.earlier for one in self.earlier):
            raise ValueError(
                f"earlier has {len(self.earlier)} adaptations, expected {len(self.earlier_sha256)} at most, as many as "
                "earlier_sha256, each without an `earlier` of its own"
            )
        return self

    @property
    def first_sha256(self) -> str:
        """Of the model.safetensors that nothing had been adapted in, hex."""
        return [*self.earlier_sha256, self.weights_sha256][0]

    @property
    def history(self) -> list[Adapted]:
        """All adaptations that are noted, the first one first, this one the last."""
        return [*self.earlier, self]

    @property
    def n_unnoted(self) -> int:
        """How many there were before these."""
        return len(self.earlier_sha256) - len(self.earlier)

    @property
    def since_measured(self) -> list[Adapted]:
        """The last adaptation of which anything was measured, which chose temperature and limits, and those after it.

        All that are noted, where none was.
        """
        return self.history[max([0, *(at for at, one in enumerate(self.history) if one.folds)]) :]

    @property
    def weights_stayed(self) -> bool:
        """Whether the weights are those of the first model, as limits alone were chosen, be it several times.

        Where earlier adaptations aren't noted, hashes tell it.
        """
        noted = all(one.learned == "limits" for one in self.history)
        return noted and (not self.n_unnoted or self.weights_sha256 == self.first_sha256)
