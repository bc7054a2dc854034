"""MCDRL without causal intervention: Y = H(F), L = L_seg + lambda_2 L_contrast.

The mined rows go back to the grid unchanged and all other places are blanked, whatever `regions` says: without an
intervention the mined rows are what they were, so that mining shows in nothing but what the head doesn't see. With the
other places kept, this method in mode `frozen` would be the baseline, bit for bit.
"""

from __future__ import annotations

from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.segmenter import Segmenter
from mcdrl.regions.grid import gather, indices, scatter


class NoCDRL(Segmenter):
    """Mining alone."""

    uses_regions = True

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        index = indices(batch.selected)
        grid = scatter(encoded.dense, index, gather(encoded.dense, index), regions="zero")
        return Output(self.segment(encoded, grid, batch), None, self.image(encoded))


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return NoCDRL(spec, trunk, texts)
