"""A method as one file, with a knob and a loss of its own; tests copy this text into a copy of the project."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from mcdrl.base.section import Most, Section
from mcdrl.methods.baseline import Baseline
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk


class Params(Section):
    """How smooth an answer has to be.

    Attributes:
        roughness: weight of the mean step of the logits from pixel to pixel, 0 and more; our choice.
    """

    roughness: Annotated[float, Field(ge=0), Most(100, "nothing but this term would be trained")]


class Smooth(Baseline):
    """The baseline, whose answers are to be smooth."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Make the baseline."""
        super().__init__(spec, params, trunk, texts)
        self.roughness = params.roughness

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg, and how rough the answer is where both pixels of a step count."""
        step = (output.logits[..., 1:] - output.logits[..., :-1]).abs()
        counts = (batch.mask <= 1).unsqueeze(1)
        roughness = (step * (counts[..., 1:] & counts[..., :-1])).mean()
        return {**super().losses(batch, output), "roughness": self.roughness * roughness}


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Smooth(spec, params, trunk, texts)
