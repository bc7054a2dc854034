"""The `stress` section of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from mcdrl.base.section import BatchSize, Most, Section, distinct

Strength = Annotated[float, Field(gt=0, le=1)]


class Params(Section):
    """How hard and on how many frames the methods are tried.

    Attributes:
        frames: of each held-out site, among those with a lesion, by the hash of their names; null: all of them.
        strengths: of every confounder; the untouched frame comes by itself.
        batch_size: pictures predicted at a time.
    """

    frames: Annotated[int, Field(ge=1), Most(1_000_000, "no site has as many; null: all")] | None
    strengths: list[Strength] = Field(min_length=1, max_length=100)
    batch_size: BatchSize

    _once = field_validator("strengths")(distinct)
