"""The `evaluate` section of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from mcdrl.base.section import BatchSize, Most, Section, SizePx, Threshold, distinct


class Params(Section):
    """How predictions become masks and scores.

    Attributes:
        threshold: probability of lesion from which a pixel is lesion, before calibration, which so moves no mask.
        tolerance_px: outline pixels at most this far off count as right in the NSD, in px at working size, unsquashed.
        further_sizes_px: sides to which the frame at working size is enlarged or reduced, to be asked there as well;
            the answer is the mean. Of pixels at working size, so that no larger frames are kept. A multiple of 32 each;
            empty: the working size alone. Only for backbones that take frames of any size, as lite0 does.
        batch_size: frames predicted at a time.
        source_frames: frames of each source site whose pooled features are kept beside those of the held-out site.
        exchange_frames: frames with a lesion of the held-out site that are predicted anew with what an intervention
            works with exchanged, five times over; all, where there are fewer.
    """

    threshold: Threshold
    tolerance_px: Annotated[float, Field(ge=0), Most(1024, "no frame is wider at working size")]
    further_sizes_px: list[SizePx] = Field(max_length=8)
    batch_size: BatchSize
    source_frames: Annotated[int, Field(ge=0), Most(100_000, "the page draws a point for each")]
    exchange_frames: Annotated[int, Field(ge=0), Most(1_000_000, "no site has so many")]

    _once = field_validator("further_sizes_px")(distinct)
