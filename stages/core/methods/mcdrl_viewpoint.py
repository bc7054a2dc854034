"""MCDRL with the sum over views of `viewpoint`: what mining and the dictionary add to it."""

from __future__ import annotations

from functools import partial

from stages.core.methods.mcdrl import MCDRL
from stages.core.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from stages.core.networks.views import summed

MODES = ("partial", "finetune")  # the pixels have to be in the loop


class MCDRLViewpoint(MCDRL):
    """Target region selection, causal intervention, and a sum over views."""

    sums_views = True

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make intervention, dictionary and head."""
        super().__init__(spec, trunk, texts)
        self.families = tuple(spec.sum_over)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch, at prediction by the sum over views."""
        segment = partial(self.plain, intervene=intervene)
        return segment(batch) if self.training else summed(segment, batch, self.families)

    def plain(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch as it is."""
        return super().forward(batch, intervene=intervene)


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MCDRLViewpoint(spec, trunk, texts)
