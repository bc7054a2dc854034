"""The `mine_regions` section of params.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mcdrl.base.section import Section

TextSimilarity = Literal["cosine", "feature_surgery"]


class Params(Section):
    """How target regions are chosen.

    Attributes:
        alpha: share of the grid's places that is kept; the paper gives no value.
        similarity: how places are compared with the class texts: their cosines, as in the paper, or feature surgery
            (CLIP Surgery, arXiv 2304.05653): each text's cosine is weighed by how much the whole frame is like it, and
            what all texts have in common is subtracted; `build_confounders.background` is then one more text.
    """

    alpha: float = Field(gt=0, le=1)
    similarity: TextSimilarity
