"""CausalCLIPSeg (arXiv 2503.15949): Y = conv(f*m; e_k), a kernel made of the class text, f the merged features.

m is what the masker says is causal. L = L_seg(f*m) + lambda L_seg(f*(1-m)), which everything but the masker
minimises; for the masker the second term counts negative, so that what helps to segment ends up in the causal part.
The masker looks at f without a way back for its gradients, so that the reversed one stays its own and f gets the min
part alone. Prompts are drawn and asked as in `clipseg`.
Our reading of the paper's description, on this project's trunk and pyramid, not the public network: that has maskers at
three levels and a projector of its own for either part, this one masker and one decoder for both. The fine-tuning of
the paper's backbone is `train.mode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from mcdrl.methods.causalclipseg.masker import DynamicConvolution, Masker
from mcdrl.networks import factory
from mcdrl.networks.head import two_logits
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.params import PromptParams, Weight
from mcdrl.networks.prompted import Prompted, PromptedOutput


class Params(PromptParams):
    """Prompts, decoder and the game.

    Attributes:
        lambda_adversarial: weight of the confounding branch's loss, 0 and more; our choice, as the paper has no code.
        kernel_side: places along a side of the kernel that is made of the text: 1, 3, 5 or 7; our choice.
    """

    lambda_adversarial: Weight
    kernel_side: Literal[1, 3, 5, 7]


@dataclass(frozen=True)
class Branches(PromptedOutput):
    """What both branches say.

    Attributes:
        confounding: [B, 2, S, S] float, logits of what was taken for confounding; None where nothing is.
    """

    confounding: Tensor | None = None


class CausalClipSeg(Prompted):
    """A masker that annotates confounders by itself, against a decoder conditioned on the class text."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts; make pyramid, masker and decoder."""
        super().__init__(spec, params, trunk, texts)
        self.lambda_adversarial = params.lambda_adversarial
        self.merge = factory.merge(spec)
        with factory.seeded(spec.seed, "masker"):
            self.masker = Masker(self.merge.channels)
        with factory.seeded(spec.seed, "dynamic"):
            self.decoder = DynamicConvolution(spec.width, self.merge.channels, side=params.kernel_side)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        causal, confounding = self.masker(self.merge(encoded.maps, encoded.dense, batch.frame))
        size = batch.frame.shape[-2:]

        def answer(features: Tensor, text: Tensor) -> Tensor:
            """Return the logits [B, 2, S, S] of features for a text a frame, [B, D]."""
            return two_logits(self.decoder(features, text), size)

        if not self.training:
            logits = self.max_over_prompts(lambda text: answer(causal, text), batch.frame.shape[0])
            return Output(logits, encoded=encoded)
        prompts = self.prompts_for(batch)
        blamed = answer(confounding, prompts.texts)
        asked = answer(causal, prompts.texts)
        return Branches(asked, encoded=encoded, absent=prompts.absent, confounding=blamed)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg of the causal part, and that of the confounding one where there is one."""
        losses = super().losses(batch, output)
        if isinstance(output, Branches) and output.confounding is not None and self.lambda_adversarial:
            blamed = self.segmentation(output.confounding, batch, output)
            losses["adversarial"] = self.lambda_adversarial * blamed
        return losses


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return CausalClipSeg(spec, params, trunk, texts)
