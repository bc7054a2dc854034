"""The `report` section of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mcdrl.base.section import Most, Section, Seed


class Params(Section):
    """How figures are tested and how much is shown.

    Attributes:
        bootstrap: samples of every interval.
        examples: best, median and worst frames that are shown for each held-out site and method.
        seed: of the samples, and of the frames whose similarity maps are shown.
    """

    bootstrap: Annotated[int, Field(ge=100), Most(100_000, "more move no shown digit and take hours")]
    examples: Annotated[int, Field(ge=1), Most(10, "the page would grow too heavy to open")]
    seed: Seed
