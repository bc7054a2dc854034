"""MCDRL without causal intervention: Y = H(F), L = L_seg + lambda_2 L_contrast.

The mined rows go back to the grid unchanged and all other places are blanked, whatever `regions` says: without an
intervention the mined rows are what they were, so that mining shows in nothing but what the head doesn't see. With the
other places kept, this method in mode `frozen` would be the baseline, bit for bit.
"""

from __future__ import annotations

from torch import Tensor

from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.losses import ContrastLoss
from mcdrl.networks.params import ContrastParams
from mcdrl.networks.segmenter import Segmenter
from mcdrl.regions.grid import gather, indices, scatter

BASES = ("mcdrl",)


class Params(ContrastParams):
    """Those of `mcdrl` that concern L_contrast."""


class NoCDRL(Segmenter):
    """Mining alone."""

    uses_regions = True

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make head and loss."""
        super().__init__(spec, params, trunk, texts)
        self.contrast = ContrastLoss(params, texts)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        index = indices(batch.selected, batch.kept)
        grid = scatter(encoded.dense, index, gather(encoded.dense, index), regions="zero")
        return Output(self.segment(encoded, grid, batch), None, self.image_embedding(encoded), encoded)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg, and L_contrast where it has something to act on."""
        return {**super().losses(batch, output), **self.contrast(batch, output)}


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return NoCDRL(spec, params, trunk, texts)
