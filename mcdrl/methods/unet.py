"""U-Net (arXiv 1505.04597) of segmentation_models_pytorch on EfficientNet-Lite0: what a user would pick instead.

Y = U(X), L = L_seg; all of it is trained, from lite0's ImageNet weights on, whatever the study's backbone is. Batch
normalisation follows the batches as usual, each process by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from mcdrl.base.section import Section
from mcdrl.clip.lite_trunk import LITE0, imagenet_weights, standard
from mcdrl.networks import factory
from mcdrl.networks.head import two_logits
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.segmenter import Supervised

MODES = ("finetune",)
OWN_ENCODER = True
_SEEN = ("s4", "s8", "s16", "s32")  # its own maps, by which a presence head judges


class Params(Section):
    """It has no numbers of its own."""


class UNet(Supervised):
    """Plain training of a network of its own."""

    def __init__(self, spec: Spec, params: Section, trunk: Trunk, texts: Texts) -> None:  # noqa: ARG002
        """Make the network; the trunk has no part in it."""
        super().__init__(spec)
        import segmentation_models_pytorch as smp  # seconds, and no other method needs it

        with factory.seeded(spec.seed, "unet"):
            self.net: Any = smp.Unet(f"tu-{LITE0.model}", encoder_weights=None)
        if not next(self.net.parameters()).is_meta:  # of which the shapes alone are asked
            self.net.encoder.model.load_state_dict(imagenet_weights())
        self.trunk = trunk
        self.input_dropout = nn.Dropout2d(spec.input_dropout)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        frame = standard(batch.frame)
        self.net.check_input_shape(frame)
        features = self.net.encoder(frame)
        kept = [self.input_dropout(grid) for grid in features]
        lesion: Tensor = self.net.segmentation_head(self.net.decoder(kept))
        encoded = replace(self.trunk(batch), maps=dict(zip(_SEEN, features[-len(_SEEN) :], strict=True)))
        return Output(two_logits(lesion, batch.frame.shape[-2:]), encoded=encoded)

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that start from ImageNet."""
        return list(self.net.encoder.parameters())

    def feature_channels(self, spec: Spec) -> Mapping[str, int]:  # noqa: ARG002
        """Return the channels of the coarsest maps of its own encoder."""
        return dict(zip(_SEEN, self.net.encoder.out_channels[-len(_SEEN) :], strict=True))


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return UNet(spec, params, trunk, texts)
