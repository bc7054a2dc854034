"""The `mine_regions` section of params.yaml."""

from __future__ import annotations

from pydantic import Field

from mcdrl.base.section import Section


class Params(Section):
    """How target regions are chosen.

    Attributes:
        alpha: share of the grid's places that is kept; the paper gives no value.
    """

    alpha: float = Field(gt=0, le=1)
