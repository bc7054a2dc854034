"""The `audit` section of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from mcdrl.base.section import Most, Section, distinct


class Params(Section):
    """When two frames count as one picture, and which common frames are let through.

    Attributes:
        hash_bits: of the 256 bits of their perceptual hashes, how many may differ for two frames to be compared
            closely.
        correlation: of their fine detail once they are aligned, from which two frames are one picture.
        exact_up_to: number of frames up to which the hashes of all pairs are compared. Of more, an index finds the near
            ones, which may lose a pair that differs in nearly `hash_bits`; see stages/audit/index.py.
        accepted: pairs of sites whose common frames don't stop the training; every table and the page then say so.
    """

    hash_bits: Annotated[int, Field(ge=0), Most(128, "half of the 256 bits differ between any two frames")]
    correlation: float = Field(gt=0, le=1)
    exact_up_to: Annotated[int, Field(ge=0), Most(1_000_000, "all pairs of more frames take weeks")]
    accepted: list[list[str]]

    @field_validator("accepted")
    @classmethod
    def _pairs(cls, pairs: list[list[str]]) -> list[list[str]]:
        for pair in pairs:
            if len(set(pair)) != 2 or len(pair) != 2:
                raise ValueError(f"{pair} is no pair of two sites; write it as [A, B]")
        distinct([sorted(pair) for pair in pairs])
        return pairs
