"""MCDRL without target region selection: Y = H(A(C, Z)), every place of the grid intervened on.

L = L_seg + lambda_1 L_causal + lambda_2 L_contrast.
"""

from __future__ import annotations

from torch import Tensor

from mcdrl.networks import factory
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervention import pool
from mcdrl.networks.losses import CausalLoss, ContrastLoss
from mcdrl.networks.params import ContrastParams, InterventionParams
from mcdrl.networks.segmenter import Segmenter

BASES = ("mcdrl",)


class Params(InterventionParams, ContrastParams):
    """Those of `mcdrl`, without what concerns mined regions.

    Attributes:
        residual: as that of `mcdrl`.
    """

    residual: bool


class NoMTRS(Segmenter):
    """Intervention everywhere."""

    intervenes = True

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make intervention, dictionary, head and losses."""
        super().__init__(spec, params, trunk, texts)
        self.intervention = factory.intervention(spec, params, residual=params.residual)
        self.dictionary = factory.dictionary(spec, params, texts)
        self.causal, self.contrast = CausalLoss(params, texts), ContrastLoss(params, texts)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, C stands for A(C, Z)."""
        encoded = self.trunk(batch)
        grid, causal = encoded.dense, None
        if intervene:
            rows = self.intervention(grid.flatten(2).transpose(1, 2), self.dictionary())
            grid, causal = rows.transpose(1, 2).unflatten(2, grid.shape[2:]), pool(rows)
        return Output(self.segment(encoded, grid, batch), causal, self.image_embedding(encoded))

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the three terms, those that have something to act on."""
        return {**super().losses(batch, output), **self.causal(batch, output), **self.contrast(batch, output)}


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return NoMTRS(spec, params, trunk, texts)
