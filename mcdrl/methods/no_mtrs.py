"""MCDRL without target region selection: Y = H(A(C, Z)), every place of the grid intervened on.

L = L_seg + lambda_1 L_causal + lambda_2 L_contrast.
"""

from __future__ import annotations

from mcdrl.networks import parts
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervention import pool
from mcdrl.networks.segmenter import Segmenter


class NoMTRS(Segmenter):
    """Intervention everywhere."""

    intervenes = True

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make intervention, dictionary and head."""
        super().__init__(spec, trunk, texts)
        self.intervention = parts.intervention(spec)
        self.dictionary = parts.dictionary(spec, texts)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, C stands for A(C, Z)."""
        encoded = self.trunk(batch)
        grid, causal = encoded.dense, None
        if intervene:
            rows = self.intervention(grid.flatten(2).transpose(1, 2), self.dictionary())
            grid, causal = rows.transpose(1, 2).unflatten(2, grid.shape[2:]), pool(rows)
        return Output(self.segment(encoded, grid, batch), causal, self.image(encoded))


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return NoMTRS(spec, trunk, texts)
