"""CausalCLIPSeg (arXiv 2503.15949): Y = D(A(f_1*m_1, f_2*m_2, f_3*m_3); e_k), f_l the features of level l.

m_l is what a masker says is causal; A joins the levels; D enlarges what comes and convolves it with a kernel that is
made of the class text. L = L_seg(f*m) + lambda L_seg(f*(1-m)), the second term through the same A and a D of its own,
which everything but the maskers minimises; for them it counts negative, so that what helps to segment ends up in the
causal part. A masker looks at f_l without a way back for its gradients, so that the reversed one stays its own and f_l
gets the min part alone. Prompts are drawn and asked as in `clipseg`.

As in the public network: three levels, maskers that know where a place is, one A, two D, and no way round the maskers.
That code is of the network alone; the losses and the game are our reading of the paper's description, and so is where
gradients stop. What differs: the levels are this trunk's three coarsest maps, each projected to `train.head_width`
first, with the tokens joined to the coarsest as CLIP's own end is; they meet on the tokens' grid by averages
and repetition, not by CARAFE; D enlarges four times, as the public code's comment has it, not sixteen times; the
normalisation is over channels, not over a batch; a text is the cached embedding of a prompt. The fine-tuning of the
paper's backbone is `train.mode`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from mcdrl.base.section import Weight
from mcdrl.clip.encoder import Encoded
from mcdrl.methods.causalclipseg.masker import Levels, Mask, Masker, convolved
from mcdrl.methods.causalclipseg.projector import Projector
from mcdrl.networks import factory
from mcdrl.networks.head import two_logits
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.params import PromptParams
from mcdrl.networks.prompted import Prompted


class Params(PromptParams):
    """Prompts, decoder and the game.

    Attributes:
        mask: learned, the method; random, its placebo: a mask of the same size whose places are exchanged at random,
            anew in each step and once and for all at prediction.
        lambda_adversarial: weight of the confounding branch's loss, 0 and more; our choice, as no code of it is public.
        kernel_side: places along a side of the kernel that is made of the text: 1, 3, 5 or 7; three are the public
            network's.
    """

    mask: Mask
    lambda_adversarial: Weight
    kernel_side: Literal[1, 3, 5, 7]


@dataclass(frozen=True)
class Branches(Output):
    """What both branches say.

    Attributes:
        confounding: [B, 2, S, S] float, logits of what was taken for confounding; None where nothing is.
    """

    confounding: Tensor | None = None


class CausalClipSeg(Prompted):
    """Maskers that annotate confounders by themselves, against a decoder conditioned on the class text."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts; make levels, maskers and a decoder for either part."""
        super().__init__(spec, params, trunk, texts)
        self.lambda_adversarial = params.lambda_adversarial
        with factory.seeded(spec.seed, "levels"):
            self.levels = Levels(spec.width, spec.map_channels, width=spec.head_width, input_dropout=spec.input_dropout)
            count = len(self.levels.maps)
            self.join = convolved(count * spec.head_width, spec.head_width, side=1)
        with factory.seeded(spec.seed, "masker"):
            self.maskers = nn.ModuleList(
                Masker(spec.head_width, kind=params.mask, seed=spec.seed) for _ in range(count)
            )
        with factory.seeded(spec.seed, "dynamic"):
            self.decoder, self.confounding_decoder = (
                Projector(spec.width, spec.head_width, side=params.kernel_side) for _ in range(2)
            )

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        causal, confounding = self.parts(encoded)
        size = batch.frame.shape[-2:]
        asked = _answer(self.decoder, causal, size)
        if not self.training:
            return Output(self.max_over_prompts(asked, batch.frame.shape[0]), encoded=encoded)
        prompts = self.prompts_for(batch)
        blamed = _answer(self.confounding_decoder, confounding, size)(prompts.texts)
        return Branches(asked(prompts.texts), encoded=encoded, absent=prompts.absent, confounding=blamed)

    def parts(self, encoded: Encoded) -> tuple[Tensor, Tensor]:
        """Return what is causal and what is confounding of all levels, [B, head_width, H, W] each."""
        levels = self.levels(encoded.maps, encoded.dense)
        split = [masker(level) for masker, level in zip(self.maskers, levels, strict=True)]
        causal, confounding = (self.join(torch.cat(part, 1)) for part in zip(*split, strict=True))
        return causal, confounding

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg of the causal part, and that of the confounding one where there is one."""
        losses = super().losses(batch, output)
        if isinstance(output, Branches) and output.confounding is not None and self.lambda_adversarial:
            blamed = self.segmentation(output.confounding, batch, output)
            losses["adversarial"] = self.lambda_adversarial * blamed
        return losses


def _answer(decoder: Projector, features: Tensor, size: torch.Size) -> Callable[[Tensor], Tensor]:
    """Return a function from a text a frame, [B, D], to the logits [B, 2, S, S] that a decoder gives for features."""
    enlarged = decoder.enlarge(features)
    return lambda text: two_logits(decoder(enlarged, text), size)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return CausalClipSeg(spec, params, trunk, texts)
