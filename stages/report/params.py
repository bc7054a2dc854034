"""The `report` section of params.yaml."""

from __future__ import annotations

from pydantic import Field

from stages.core.base.params import Section


class Params(Section):
    """How figures are tested and how much is shown.

    Attributes:
        bootstrap: samples of every interval.
        examples: best, median and worst frames that are shown for each held-out site and method.
        seed: of the samples, and of the frames whose similarity maps are shown.
    """

    bootstrap: int = Field(default=2000, ge=100)
    examples: int = Field(default=2, ge=1, le=10)
    seed: int = Field(default=0, ge=0)
