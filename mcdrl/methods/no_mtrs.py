"""MCDRL without target region selection: Y = H(A(C, Z)), every place of the grid intervened on.

L = L_seg + lambda_1 L_causal + lambda_2 L_contrast.
"""

from __future__ import annotations

from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervening import Intervening
from mcdrl.networks.intervention import pool
from mcdrl.networks.params import CausalParams

BASES = ("mcdrl",)


class Params(CausalParams):
    """Those of `mcdrl`, without what concerns mined regions."""


class NoMTRS(Intervening):
    """Intervention everywhere."""

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, C stands for A(C, Z)."""
        encoded = self.trunk(batch)
        grid, causal = encoded.dense, None
        if intervene:
            rows = self.intervention(grid.flatten(2).transpose(1, 2), self.dictionary())
            grid, causal = rows.transpose(1, 2).unflatten(2, grid.shape[2:]), pool(rows)
        return Output(self.segment(encoded, grid, batch), causal, self.image_embedding(encoded), encoded)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return NoMTRS(spec, params, trunk, texts)
