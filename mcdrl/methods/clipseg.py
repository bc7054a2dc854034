"""A prompt-conditioned decoder in the manner of CLIPSeg (arXiv 2112.10003): Y = max_k D(C, e_k), L = L_seg.

The decoder sees the intermediate maps and is conditioned on a class text by FiLM. In training it is asked for the
frame's own class or, on an empty mask, for one that the frame doesn't have; afterwards for all classes of the training
frames.
"""

from __future__ import annotations

from torch import Tensor

from mcdrl.networks import parts
from mcdrl.networks.head import two_logits
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.prompted import Prompted


class ClipSeg(Prompted):
    """Segmentation by prompt."""

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts; make the decoder."""
        super().__init__(spec, trunk, texts)
        self.decoder = parts.film_decoder(spec)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        tokens = self.decoder.tokens(encoded.maps, encoded.dense)

        def answer(text: Tensor) -> Tensor:
            return two_logits(self.decoder(tokens, text, encoded.dense.shape[-2:]), batch.frame.shape[-2:])

        if self.training:
            prompts = self.prompts(batch)
            return Output(answer(prompts.texts), absent=prompts.absent)
        return Output(self.loudest(answer, batch.frame.shape[0]))


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return ClipSeg(spec, trunk, texts)
