"""A prompt-conditioned decoder in the manner of CLIPSeg (arXiv 2112.10003): Y = max_k D(C, e_k), L = L_seg.

The decoder sees the intermediate maps and is conditioned on a class text by FiLM. In training it is asked for the
frame's own class or, on an empty mask, for one that the frame doesn't have; afterwards for all classes of the training
frames.
"""

from __future__ import annotations

from torch import Tensor

from mcdrl.methods.clipseg.decoder import ClipsegDecoder
from mcdrl.networks import factory
from mcdrl.networks.head import two_logits
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.params import Heads, PromptParams
from mcdrl.networks.prompted import Prompted


class Params(PromptParams):
    """Prompts and decoder.

    Attributes:
        heads: attention heads of a layer, a divisor of `train.head_width`; four are CLIPSeg's.
    """

    heads: Heads


class ClipSeg(Prompted):
    """Segmentation by prompt."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts; make the decoder.

        Raises:
            ValueError: the heads don't divide the decoder's width.
        """
        super().__init__(spec, params, trunk, texts)
        if spec.head_width % params.heads:
            raise ValueError(f"{params.heads} heads of clipseg don't divide train.head_width {spec.head_width}")
        with factory.seeded(spec.seed, "film"):
            self.decoder = ClipsegDecoder(
                spec.width, spec.map_channels, width=spec.head_width, heads=params.heads, dropout=spec.dropout,
                input_dropout=spec.input_dropout,
            )  # fmt: skip

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        tokens = self.decoder.tokens(encoded.maps, encoded.dense)

        def answer(text: Tensor) -> Tensor:
            """Return the logits [B, 2, S, S] for a text a frame, [B, D]."""
            return two_logits(self.decoder(tokens, text, encoded.dense.shape[-2:]), batch.frame.shape[-2:])

        if self.training:
            prompts = self.prompts_for(batch)
            return Output(answer(prompts.texts), encoded=encoded, absent=prompts.absent)
        return Output(self.max_over_prompts(answer, batch.frame.shape[0]), encoded=encoded)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return ClipSeg(spec, params, trunk, texts)
