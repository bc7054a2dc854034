"""The baseline: Y = H(C), L = L_seg.

The same trunk and the same head as the other methods; dense features go straight to the head.
"""

from __future__ import annotations

from mcdrl.base.section import Section
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.segmenter import Segmenter


class Params(Section):
    """It has no numbers of its own."""


class Baseline(Segmenter):
    """Plain training."""

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        return Output(self.segment(encoded, encoded.dense, batch), encoded=encoded)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Baseline(spec, params, trunk, texts)
