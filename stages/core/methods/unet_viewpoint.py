"""U-Net with the sum over views of `viewpoint`: what that sum is worth to a network of another kind."""

from __future__ import annotations

from functools import partial

from stages.core.methods.unet import UNet
from stages.core.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from stages.core.networks.views import summed

MODES = ("finetune",)
OWN_ENCODER = True


class UNetViewpoint(UNet):
    """U-Net, and a sum over views."""

    sums_views = True

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Make the network; the trunk has no part in it."""
        super().__init__(spec, trunk, texts)
        self.families = tuple(spec.sum_over)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch, at prediction by the sum; there is no intervention to switch."""
        segment = partial(self.plain, intervene=intervene)
        return segment(batch) if self.training else summed(segment, batch, self.families)

    def plain(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch as it is."""
        return super().forward(batch, intervene=intervene)


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return UNetViewpoint(spec, trunk, texts)
