"""The `phantom` section of params.yaml."""

from pydantic import Field

from stages.core.base.params import Section


class Params(Section):
    """How much is rendered.

    Attributes:
        frames_per_site: frames of each of the five sites.
        size_px: side of the square frames in pixels.
        seed: another seed gives other patients at the same five sites.
    """

    frames_per_site: int = Field(default=120, ge=4)
    size_px: int = Field(default=224, ge=64, le=1024)
    seed: int = Field(default=0, ge=0)
