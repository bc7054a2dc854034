"""What all methods share, so that a method's file is little more than its equation."""

from __future__ import annotations

from torch import Tensor

from mcdrl.base.section import Section
from mcdrl.clip.encoder import Encoded
from mcdrl.networks import factory
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.losses import segmentation


class Supervised(Method):
    """L = L_seg, whatever the network; subclasses write `forward`."""

    def __init__(self, spec: Spec) -> None:
        """Take the weights of the parts of L_seg."""
        super().__init__()
        self.dice_weight, self.boundary_weight = spec.dice_weight, spec.boundary_weight

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg."""
        weights = {"dice_weight": self.dice_weight, "boundary_weight": self.boundary_weight}
        return {"seg": segmentation(output.logits, batch.mask, **weights)}


class Segmenter(Supervised):
    """A trunk, a head and L_seg; subclasses write `forward`, and `losses` where they have more of them."""

    def __init__(self, spec: Spec, params: Section, trunk: Trunk, texts: Texts) -> None:  # noqa: ARG002
        """Take the trunk; make the head, which is the same for all methods of a seed; the rest is for subclasses."""
        super().__init__(spec)
        self.trunk = trunk
        self.head = factory.head(spec)

    def segment(self, encoded: Encoded, grid: Tensor, batch: Batch) -> Tensor:
        """Return H(grid), [B, 2, S, S] logits, with the intermediate maps and the frame beside the grid."""
        logits: Tensor = self.head(encoded.maps, grid, batch.frame)
        return logits

    def image_embedding(self, encoded: Encoded) -> Tensor | None:
        """Return the image feature for L_contrast, [B, D]; None where nothing of it is trained."""
        return encoded.image_embedding if self.trunk.trains_image else None
