"""MCDRL (arXiv 2508.05008): Y = H(A(F, Z)), F the mined target regions, Z the confounder dictionary.

L = L_seg + lambda_1 L_causal + lambda_2 L_contrast.
"""

from __future__ import annotations

from typing import Literal

from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervening import Intervening
from mcdrl.networks.intervention import pool
from mcdrl.networks.params import CausalParams
from mcdrl.regions.grid import gather, indices, scatter


class Params(CausalParams):
    """Intervention, L_contrast, and what the paper leaves open.

    Attributes:
        regions: what becomes of places that weren't mined: they stay (keep) or are blanked (zero); our choice, as the
            paper doesn't say how F returns to the grid.
    """

    regions: Literal["keep", "zero"]


class MCDRL(Intervening):
    """Target region selection and causal intervention."""

    uses_regions = True

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make intervention, dictionary, head and losses."""
        super().__init__(spec, params, trunk, texts)
        self.regions = params.regions

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, F stands for F_ca."""
        encoded = self.trunk(batch)
        index = indices(batch.selected, batch.kept)
        rows, causal = gather(encoded.dense, index), None
        if intervene:
            rows = self.intervention(rows, self.dictionary())
            causal = pool(rows)
        grid = scatter(encoded.dense, index, rows, regions=self.regions)
        return Output(self.segment(encoded, grid, batch), causal, self.image_embedding(encoded), encoded)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MCDRL(spec, params, trunk, texts)
