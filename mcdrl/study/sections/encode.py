"""Section `encode` of params.yaml."""

from __future__ import annotations

from pydantic import field_validator

from mcdrl.base.section import BatchSize, Section, distinct
from mcdrl.study.dense_modes import DenseModeOrAuto
from mcdrl.study.flips import Flip


class Params(Section):
    """How frames are encoded.

    Attributes:
        batch_size: frames that are encoded at once; bounds the memory.
        dense: how the map is made dense; auto: as the backbone's card says.
        flips: in which ways training mirrors frames; where a method trains on features, mirrored frames are encoded,
            too, and each way costs as much as the frames themselves.
    """

    batch_size: BatchSize
    dense: DenseModeOrAuto
    flips: list[Flip]

    _once = field_validator("flips")(distinct)
