"""Counterfactual features: Y = sum_m P(m) P(Y|C + s (z_m - mean Z)), confounders set instead of attended to.

In training each frame's dense features are shifted along the direction of a confounder, drawn evenly with none among
them, by a length drawn evenly up to a share of the mean length of the frame's features. At prediction the answers for
all directions, at the mean of these lengths, and for the features as they are count alike. It has the form of equation
1 of the paper (arXiv 2508.05008) with P(m) uniform, and costs a pass of the head a phrase. It is an intervention on
the features alone: it stands for one on the frame only as far as real features move along a text's direction when that
confounder comes.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.device import onto
from mcdrl.base.section import Most, Section
from mcdrl.methods.baseline import Baseline
from mcdrl.networks.head import LEAST_PROBABILITY
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk


class Params(Section):
    """How far features are moved.

    Attributes:
        longest: longest shift, as a share of the mean length of the frame's features, above 0; our choice.
    """

    longest: Annotated[float, Field(gt=0), Most(100, "nothing of the features themselves would be left")]


class Counterfactual(Baseline):
    """Features under each confounder in turn."""

    ways: Tensor  # [M + 1, D] unit vectors, the last one zero

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Make the baseline; keep the directions of the confounders."""
        super().__init__(spec, params, trunk, texts)
        self.longest = params.longest
        ways = F.normalize(texts.confounders - texts.confounders.mean(0), dim=1)
        self.register_buffer("ways", torch.cat([ways, torch.zeros_like(ways[:1])]))

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch, in training under a drawn confounder, else by the sum over all of them."""
        encoded = self.trunk(batch)
        longest = self.longest * encoded.dense.norm(dim=1).mean((1, 2))  # [B]
        if self.training:
            ways = self.ways[onto(torch.randint(len(self.ways), (len(longest),)), longest.device)]
            lengths = onto(torch.rand(len(longest)), longest.device) * longest
            grid = _shifted(encoded.dense, ways * lengths[:, None])
            return Output(self.segment(encoded, grid, batch), encoded=encoded)
        shifts = self.ways[:, None] * longest[None, :, None] / 2  # [M + 1, B, D]
        answers = [self.segment(encoded, _shifted(encoded.dense, shift), batch).softmax(1) for shift in shifts]
        mean = torch.stack(answers).mean(0).clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        return Output(mean.log(), encoded=encoded)


def _shifted(dense: Tensor, shift: Tensor) -> Tensor:
    return dense + shift[:, :, None, None]


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Counterfactual(spec, params, trunk, texts)
