"""MCDRL without causal intervention: Y = H(F), L = L_seg + lambda_2 L_contrast.

The mined rows go back to the grid unchanged. With `regions: zero` the head sees them alone; with `regions: keep` it
sees the whole grid, so that L_contrast is all that is left of the method.
"""

from __future__ import annotations

from stages.core.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from stages.core.networks.regions import gather, places, scatter
from stages.core.networks.segmenter import Segmenter


class NoCDRL(Segmenter):
    """Mining alone."""

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make the head."""
        super().__init__(spec, trunk, texts)
        self.regions = spec.regions

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch.encoded)
        index = places(batch.selected)
        grid = scatter(encoded.dense, index, gather(encoded.dense, index), regions=self.regions)
        return Output(self.segment(encoded, grid, batch), None, self.image(encoded))


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return NoCDRL(spec, trunk, texts)
