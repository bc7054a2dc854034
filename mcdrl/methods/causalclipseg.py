"""CausalCLIPSeg (arXiv 2503.15949): Y = conv(f*m; e_k), a kernel made of the class text, f the merged features.

m is what the masker says is causal. L = L_seg(f*m) + lambda L_seg(f*(1-m)), which everything but the masker
minimises; for the masker the second term counts negative, so that what helps to segment ends up in the causal part.
The masker looks at f without a way back for its gradients, so that the reversed one stays its own and f gets the min
part alone. Prompts are drawn and asked as in `clipseg`.
Written from the paper's description, on this project's trunk and pyramid; its backbone's fine-tuning is `train.mode`.
"""

from __future__ import annotations

from torch import Tensor

from mcdrl.networks import parts
from mcdrl.networks.head import two_logits
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.prompted import Prompted


class CausalClipSeg(Prompted):
    """A masker that annotates confounders by itself, against a decoder conditioned on the class text."""

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts; make pyramid, masker and decoder."""
        super().__init__(spec, trunk, texts)
        self.merge = parts.merge(spec)
        self.masker = parts.masker(spec, self.merge.channels)
        self.decoder = parts.dynamic_convolution(spec, self.merge.channels)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        causal, confounding = self.masker(self.merge(encoded.maps, encoded.dense, batch.frame))
        size = batch.frame.shape[-2:]

        def answer(features: Tensor, text: Tensor) -> Tensor:
            return two_logits(self.decoder(features, text), size)

        if not self.training:
            return Output(self.loudest(lambda text: answer(causal, text), batch.frame.shape[0]))
        prompts = self.prompts(batch)
        blamed = answer(confounding, prompts.texts)
        return Output(answer(causal, prompts.texts), confounding=blamed, absent=prompts.absent)


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return CausalClipSeg(spec, trunk, texts)
