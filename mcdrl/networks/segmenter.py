"""What all methods share, so that a method's file is little more than its equation."""

from __future__ import annotations

from torch import Tensor

from mcdrl.clip.encoder import Encoded
from mcdrl.networks import parts
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.terms import Terms


class Segmenter(Method):
    """A trunk, a head and the terms of the loss; subclasses write `forward`."""

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make the head, which is the same for all methods of a seed."""
        super().__init__()
        self.trunk = trunk
        self.head = parts.head(spec)
        self.terms = Terms(spec, texts)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted terms that the output has what they act on for."""
        terms: dict[str, Tensor] = self.terms(batch, output)
        return terms

    def segment(self, encoded: Encoded, grid: Tensor, batch: Batch) -> Tensor:
        """Return H(grid), [B, 2, S, S] logits, with the intermediate maps and the frame beside the grid."""
        logits: Tensor = self.head(encoded.maps, grid, batch.frame)
        return logits

    def image(self, encoded: Encoded) -> Tensor | None:
        """Return the image feature for L_contrast, [B, D]; None where nothing of it is trained."""
        return encoded.image if self.trunk.trains_image else None
