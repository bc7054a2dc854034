"""Pseudo-interventions after PPI (arXiv 2012.03369); we know its abstract and others' notes only.

L = L_seg(H(x), y) + lambda_1 CE(H(x*), y*) + lambda_2 L_1(s), Y = H(x): at prediction it is the baseline.

x* is the frame with its salient places masked: what called the lesion is gone, and so must be the lesion. Of the paper
are the saliency by propagation back, the masked frame, the three terms. PPI classifies, with one wrong label for the
whole of x*; here y* is background where lesion was masked, and not judged where lesion is left to see. All else is our
choice: saliency s of a place is the norm of the answer's gradient times that of the features, summed over all inputs
of the head, tokens, maps and the frame itself, so that evidence which goes round the tokens counts as well; the answer
is the lesion's logits, weighed by their probabilities; as many places are masked in each frame, by its mean colour; L_1
is divided by the L_2 norm, as an answer of no confidence would have none.

The masks are made of pixels before the trunk, which the mask leaves no way round: that takes the pixels in the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from mcdrl.base.section import Section, Weight
from mcdrl.methods.baseline import Baseline
from mcdrl.methods.pseudo_intervention.saliency import Traced, masked, places, sparsity
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.losses import segmentation
from mcdrl.study.modes import PIXEL_MODES

MODES = PIXEL_MODES  # the pixels have to be in the loop
COMPILES = False  # the loss has the gradient of the answer in it


class Params(Section):
    """What is masked, and what that weighs.

    Attributes:
        masked: salient, the method; random, its placebo: as many places, drawn anew in each step, and no saliency to be
            sparse.
        masked_share: share of the places of the grid that are masked, above 0 and below 1; our choice.
        lambda_intervened: weight of the cross-entropy on masked frames, 0 and more; one in PPI's sum.
        lambda_sparsity: weight of the saliency's L_1, 0 and more; our choice.
    """

    masked: Literal["salient", "random"]
    masked_share: Annotated[float, Field(gt=0, lt=1)]
    lambda_intervened: Weight
    lambda_sparsity: Weight


@dataclass(frozen=True, kw_only=True)
class Intervened(Output):
    """What is said of frames and of frames with masked places.

    Attributes:
        masked_logits: [B, 2, S, S] float, of the masked frames.
        masked_mask: [B, S, S] long, what they should show: 0, 1 or 255.
        sparsity: [B] float, L_1 of the saliency over its L_2; None where there is no saliency.
    """

    masked_logits: Tensor
    masked_mask: Tensor
    sparsity: Tensor | None = None


class PseudoIntervention(Baseline):
    """The baseline, trained on frames without their salient places, too."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Make the baseline."""
        super().__init__(spec, params, trunk, texts)
        self.params = params

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch, in training once more with places masked; there is no intervention to switch."""
        if not self.training:
            return super().forward(batch, intervene=intervene)
        with torch.enable_grad():  # saliency is a gradient whoever asks
            traced = Traced(self.trunk(batch), batch.frame)
            logits = self.segment(traced.encoded, traced.encoded.dense, replace(batch, frame=traced.frame))
            saliency = traced.saliency(logits) if self.params.masked == "salient" else None
        chosen = places(saliency, traced.encoded.dense, share=self.params.masked_share)
        without = masked(batch, chosen)
        encoded = self.trunk(without)
        return Intervened(
            logits,
            encoded=traced.encoded,
            masked_logits=self.segment(encoded, encoded.dense, without),
            masked_mask=without.mask,
            sparsity=None if saliency is None else sparsity(saliency),
        )

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg, that of the masked frames, and the saliency's L_1 where there is one."""
        losses = super().losses(batch, output)
        if not isinstance(output, Intervened):
            return losses
        again = segmentation(output.masked_logits, output.masked_mask, dice_weight=0)  # Dice knows no degree of empty
        losses["intervened"] = self.params.lambda_intervened * again
        if output.sparsity is not None and self.params.lambda_sparsity:
            losses["sparsity"] = self.params.lambda_sparsity * output.sparsity.mean()
        return losses


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return PseudoIntervention(spec, params, trunk, texts)
