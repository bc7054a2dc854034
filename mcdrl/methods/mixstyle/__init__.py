"""MixStyle (arXiv 2104.02008), domain generalization in feature space: Y = H(mix(C)), L = L_seg.

The baseline, whose cached maps are given mixed feature statistics in a share of the steps. In mode `suffix` the trained
blocks start from a mixed map, which is where the paper puts it: between early blocks of the encoder.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from mcdrl.base.section import Most, Section, Share
from mcdrl.methods.baseline import Baseline
from mcdrl.methods.mixstyle.mixing import mixed
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.study.modes import CACHED_MODES

MODES = CACHED_MODES  # whose maps are cached


class Params(Section):
    """How often and how far styles are mixed.

    Attributes:
        share: share of the batches that are mixed, 0..1; the paper's 0.5.
        beta: the b of Beta(b, b), from which the share of its own style that a frame keeps is drawn, above 0; small:
            nearly all of it or nearly nothing; our choice, the paper has 0.1.
    """

    share: Share
    beta: Annotated[float, Field(gt=0), Most(1000, "every frame would keep half of its style")]


class MixStyle(Baseline):
    """Plain training on mixed styles."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Make the baseline."""
        super().__init__(spec, params, trunk, texts)
        self.share, self.beta = params.share, params.beta

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; there is no intervention to switch."""
        if self.training:
            batch = replace(batch, encoded=mixed(batch.encoded, share=self.share, beta=self.beta))
        return super().forward(batch, intervene=intervene)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MixStyle(spec, params, trunk, texts)
