"""The `phantom` section of params.yaml."""

from typing import Annotated

from pydantic import Field

from mcdrl.base.section import Most, Section, Seed


class Params(Section):
    """How much is rendered.

    Attributes:
        frames_per_site: frames of each of the five sites.
        frames_per_group: frames of each patient, who has lesions of one class, a wall and a palette of their own; the
            last patient of a site may have fewer. Our choice: a short sequence.
        size_px: side of the square frames in pixels.
        seed: another seed gives other patients at the same five sites.
    """

    frames_per_site: Annotated[int, Field(ge=4), Most(100_000, "rendering them takes a day")]
    frames_per_group: Annotated[int, Field(ge=1), Most(100_000, "all of a site would be one patient")]
    size_px: Annotated[int, Field(ge=64), Most(1024, "the scenes hold no finer detail")]
    seed: Seed
