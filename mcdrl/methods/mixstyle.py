"""MixStyle (arXiv 2104.02008), domain generalization in feature space: Y = H(mix(C)), L = L_seg.

The baseline, whose cached maps are given mixed feature statistics in half of the training steps. In mode `suffix` the
trained blocks start from a mixed map, which is where the paper puts it: between early blocks of the encoder.
"""

from __future__ import annotations

from dataclasses import replace

from mcdrl.methods.baseline import Baseline
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.mixing import mixed

MODES = ("frozen", "adapter", "suffix")  # whose maps are cached


class MixStyle(Baseline):
    """Plain training on mixed styles."""

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; there is no intervention to switch."""
        if self.training:
            batch = replace(batch, encoded=mixed(batch.encoded))
        return super().forward(batch, intervene=intervene)


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MixStyle(spec, trunk, texts)
