"""MCDRL (arXiv 2508.05008): Y = H(A(F, Z)), F the mined target regions, Z the confounder dictionary.

L = L_seg + lambda_1 L_causal + lambda_2 L_contrast.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from mcdrl.networks import factory
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervention import pool
from mcdrl.networks.losses import CausalLoss, ContrastLoss
from mcdrl.networks.params import ContrastParams, InterventionParams
from mcdrl.networks.segmenter import Segmenter
from mcdrl.regions.grid import gather, indices, scatter


class Params(InterventionParams, ContrastParams):
    """Intervention, L_contrast, and what the paper leaves open.

    Attributes:
        residual: whether blocks add to the rows; true is our choice, false the letter of the paper (section 3.3), with
            which F_ca lies in the span of the dictionary.
        regions: what becomes of places that weren't mined: they stay (keep) or are blanked (zero); our choice, as the
            paper doesn't say how F returns to the grid.
    """

    residual: bool
    regions: Literal["keep", "zero"]


class MCDRL(Segmenter):
    """Target region selection and causal intervention."""

    intervenes = True
    uses_regions = True

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make intervention, dictionary, head and losses."""
        super().__init__(spec, params, trunk, texts)
        self.regions = params.regions
        self.intervention = factory.intervention(spec, params, residual=params.residual)
        self.dictionary = factory.dictionary(spec, params, texts)
        self.causal, self.contrast = CausalLoss(params, texts), ContrastLoss(params, texts)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, F stands for F_ca."""
        encoded = self.trunk(batch)
        index = indices(batch.selected)
        rows, causal = gather(encoded.dense, index), None
        if intervene:
            rows = self.intervention(rows, self.dictionary())
            causal = pool(rows)
        grid = scatter(encoded.dense, index, rows, regions=self.regions)
        return Output(self.segment(encoded, grid, batch), causal, self.image_embedding(encoded))

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the three terms, those that have something to act on."""
        return {**super().losses(batch, output), **self.causal(batch, output), **self.contrast(batch, output)}


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MCDRL(spec, params, trunk, texts)
