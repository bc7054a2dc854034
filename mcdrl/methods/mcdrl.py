"""MCDRL (arXiv 2508.05008): Y = H(A(F, Z)), F the mined target regions, Z the confounder dictionary.

L = L_seg + lambda_1 L_causal + lambda_2 L_contrast.
"""

from __future__ import annotations

from mcdrl.networks import parts
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervention import pool
from mcdrl.networks.segmenter import Segmenter
from mcdrl.regions.grid import gather, indices, scatter


class MCDRL(Segmenter):
    """Target region selection and causal intervention."""

    intervenes = True
    uses_regions = True

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make intervention, dictionary and head."""
        super().__init__(spec, trunk, texts)
        self.regions = spec.regions
        self.intervention = parts.intervention(spec)
        self.dictionary = parts.dictionary(spec, texts)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, F stands for F_ca."""
        encoded = self.trunk(batch)
        index = indices(batch.selected)
        rows, causal = gather(encoded.dense, index), None
        if intervene:
            rows = self.intervention(rows, self.dictionary())
            causal = pool(rows)
        grid = scatter(encoded.dense, index, rows, regions=self.regions)
        return Output(self.segment(encoded, grid, batch), causal, self.image(encoded))


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MCDRL(spec, trunk, texts)
