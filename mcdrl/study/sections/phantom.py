"""The `phantom` section of params.yaml."""

from typing import Annotated

from pydantic import Field

from mcdrl.base.section import Most, Section, Seed


class Params(Section):
    """How much is rendered.

    Attributes:
        frames_per_site: frames of each of the five sites.
        size_px: side of the square frames in pixels.
        seed: another seed gives other patients at the same five sites.
    """

    frames_per_site: Annotated[int, Field(ge=4), Most(100_000, "rendering them takes a day")]
    size_px: Annotated[int, Field(ge=64), Most(1024, "the scenes hold no finer detail")]
    seed: Seed
