"""The `ingest` section of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mcdrl.base.section import Most, Section


class Params(Section):
    """What becomes of every site's frames.

    Attributes:
        size_px: side of the square that frames and masks are squashed to; a multiple of 4, since the head works at a
            quarter of it.
        val_share: about which share of a site's groups is kept for the choice of the epoch.
    """

    size_px: Annotated[int, Field(ge=64, multiple_of=4), Most(1024, "a frame's features would fill the memory")]
    val_share: float = Field(gt=0, lt=0.5)
