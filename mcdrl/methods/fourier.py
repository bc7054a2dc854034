"""Amplitude mixing between source sites (FACT, arXiv 2105.11182), domain generalization in image space.

The baseline, trained on half of the steps on frames whose Fourier amplitudes are partly those of a frame of another
source site: Y = H(E(mix(X))), L = L_seg. FACT's teacher and its consistency loss are left out.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from mcdrl.methods.baseline import Baseline
from mcdrl.networks.fourier import amplitude_mixed, partners
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk

MODES = ("partial", "finetune")  # the pixels have to be in the loop
_SHARE = 0.5  # of the batches


class Fourier(Baseline):
    """Plain training on frames that look like another site's."""

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; there is no intervention to switch."""
        if self.training and batch.site is not None and torch.rand(()) < _SHARE:
            share = torch.rand(len(batch.frame), 1, 1, 1).to(batch.frame.device)
            batch = replace(batch, frame=amplitude_mixed(batch.frame, partners(batch.site), share))
        return super().forward(batch, intervene=intervene)


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Fourier(spec, trunk, texts)
