"""The baseline: Y = H(C), L = L_seg.

The same trunk and the same head as the other methods; dense features go straight to the head.
"""

from __future__ import annotations

from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.segmenter import Segmenter


class Baseline(Segmenter):
    """Plain training."""

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        return Output(self.segment(encoded, encoded.dense, batch), causal=None, image=None)


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Baseline(spec, trunk, texts)
