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
        present_from: known strength of a confounder, above 0 up to 1, from which it counts as there where attention is
            held against it; our choice, as weaker ones are hard to see.
        ranked_from: the same where its strength is not known: its rank by what was measured among the frames of the
            site, above 0 and below 1; 0.75, our choice, takes the top quarter.
        seed: of the samples, and of the frames whose similarity maps are shown.
    """

    bootstrap: Annotated[int, Field(ge=100), Most(100_000, "more move no shown digit and take hours")]
    examples: Annotated[int, Field(ge=1), Most(10, "the page would grow too heavy to open")]
    present_from: Annotated[float, Field(gt=0, le=1)]
    ranked_from: Annotated[float, Field(gt=0, lt=1)]
    seed: Seed
