"""Amplitude mixing between source sites (FACT, arXiv 2105.11182), domain generalization in image space.

The baseline, trained in a share of the steps on frames whose Fourier amplitudes are partly those of a frame of another
source site: Y = H(E(mix(X))), L = L_seg. FACT's teacher and its consistency loss are left out.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from mcdrl.base.device import onto
from mcdrl.base.section import Section, Share
from mcdrl.methods.baseline import Baseline
from mcdrl.methods.fourier.mixing import amplitude_mixed
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.partners import partners
from mcdrl.study.modes import PIXEL_MODES

MODES = PIXEL_MODES  # the pixels have to be in the loop


class Params(Section):
    """How often and how far amplitudes are mixed.

    Attributes:
        share: share of the batches that are mixed, 0..1; our choice.
        most: largest share of the other frame's amplitudes, 0..1, drawn evenly from 0 on; 1 is FACT's for most of its
            data.
    """

    share: Share
    most: Share


class Fourier(Baseline):
    """Plain training on frames that look like another site's."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Make the baseline."""
        super().__init__(spec, params, trunk, texts)
        self.share, self.most = params.share, params.most

    @property
    def borrows(self) -> str:
        """What frames of other sites lend: their amplitudes, where any are mixed."""
        return "the amplitudes" if self.share and self.most else ""

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; there is no intervention to switch."""
        if self.training and batch.site is not None and torch.rand(()) < self.share:
            share = self.most * onto(torch.rand(len(batch.frame), 1, 1, 1), batch.frame.device)
            batch = replace(batch, frame=amplitude_mixed(batch.frame, partners(batch.site), share))
        return super().forward(batch, intervene=intervene)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Fourier(spec, params, trunk, texts)
