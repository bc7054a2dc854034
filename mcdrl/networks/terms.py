"""The loss of a method, from the terms that it names."""

from __future__ import annotations

from torch import Tensor, nn

from mcdrl.networks import losses
from mcdrl.networks.dictionary import CONTROLS
from mcdrl.networks.interface import Batch, Output, Spec, Texts


class Terms(nn.Module):
    """The weighted terms of the loss; those whose weight is zero, or that have nothing to act on, are left out.

    So is L_causal where the dictionary is a control (random, shuffled, zero): its targets are texts, and would tell the
    network by the loss what the control withholds.
    """

    classes: Tensor
    targets: Tensor

    def __init__(self, spec: Spec, texts: Texts) -> None:
        """Take the weights and the texts that the terms pull towards."""
        super().__init__()
        self.spec = spec
        self.lambda_causal = 0.0 if spec.dictionary in CONTROLS else spec.lambda_causal
        self.register_buffer("classes", texts.classes, persistent=False)
        self.register_buffer("targets", texts.class_confounders.mean(1), persistent=False)

    def forward(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the terms by name: seg always, the others where the output has what they act on."""
        spec = self.spec
        terms = {"seg": losses.segmentation(output.logits, batch.mask, dice_weight=spec.dice_weight)}
        if output.causal is not None and self.lambda_causal:
            pulled = losses.causal(output.causal, self.targets, batch.lesion_class)
            terms["causal"] = self.lambda_causal * pulled
        if output.image is not None and spec.lambda_contrast:
            named = losses.contrast(output.image, self.classes, batch.lesion_class, temperature=spec.temperature)
            terms["contrast"] = spec.lambda_contrast * named
        if output.confounding is not None and spec.lambda_adversarial:
            blamed = losses.segmentation(output.confounding, batch.mask, dice_weight=spec.dice_weight)
            terms["adversarial"] = spec.lambda_adversarial * blamed
        return terms
