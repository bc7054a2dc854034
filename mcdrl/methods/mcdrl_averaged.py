"""MCDRL averaged over z: sum_z P(z) P(Y|F, z) written out, P(Y|F, z) = softmax H(A(F, z)).

The paper moves the expectation over z into the attention, which is exact for a linear H alone. Here a confounder z is
drawn from P(z) for every frame of a training step, so that a step costs no more than mcdrl's and the expectation of its
loss is that over z; at prediction all M outputs are made and their probabilities averaged by P(z).

It has the form of the backdoor adjustment and is none: z is drawn independently of the frame and its mask, so the best
P(Y|F, z) is P(Y|F) for every z, and the sum over z is P(Y|F) again. An adjustment would need each training frame's own
z. What differs from `mcdrl` is a noise on the rows in training, and an average over it at prediction.

A row attends to z and to a zero vector beside it: with z alone the attention would have nothing to weigh, and every row
would take on the same of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from mcdrl.base.device import onto
from mcdrl.base.section import Most
from mcdrl.clip.encoder import Encoded
from mcdrl.methods import mcdrl
from mcdrl.networks.dictionary import variant
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervention import pool
from mcdrl.regions.grid import gather, indices, scatter

BASES = ("mcdrl",)


class Params(mcdrl.Params):
    """Those of `mcdrl`, and P(z).

    Attributes:
        prior: uniform, our choice, or source: how much the source sites' training frames look like each z; z is drawn
            independently of the frame either way, so that the sum over it adjusts for nothing.
        prior_temperature: of the softmax over confounders in `source`, 0.001 and more; what CLIP's own training starts
            from (arXiv 2103.00020, section 2.5).
    """

    prior: Literal["uniform", "source"]
    prior_temperature: Annotated[float, Field(ge=0.001), Most(1000, "all confounders would weigh the same")]


class Averaged(mcdrl.MCDRL):
    """Target region selection, and an explicit sum over the confounders."""

    prior: Tensor

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and P(z); make intervention, dictionary and head."""
        super().__init__(spec, params, trunk, texts)
        self.register_buffer("prior", texts.prior, persistent=False)
        self._shares = texts.prior.cpu()  # what is drawn is drawn there

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, F stands for A(F, z)."""
        if not intervene:
            return super().forward(batch, intervene=False)
        encoded = self.trunk(batch)
        if not self.training:
            return Output(self._summed(encoded, batch), encoded=encoded)
        drawn = torch.multinomial(self._shares, len(batch.frame), replacement=True)
        return self._given(encoded, batch, onto(drawn, self.prior.device))

    def _given(self, encoded: Encoded, batch: Batch, chosen: Tensor) -> Output:
        """Return H(A(F, z)), z the dictionary's row `chosen` for each frame, [B] long."""
        index = indices(batch.selected, batch.kept)
        z = self.dictionary()[chosen]
        z = torch.stack([z, torch.zeros_like(z)], 1)  # [B, 2, D]
        rows = self.intervention(gather(encoded.dense, index), z)
        grid = scatter(encoded.dense, index, rows, regions=self.regions)
        return Output(self.segment(encoded, grid, batch), pool(rows), self.image_embedding(encoded), encoded)

    def _summed(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return the logits of sum_z P(z) P(Y|F, z), [B, 2, S, S]; that of background is zero."""
        total = torch.zeros((), device=batch.frame.device)
        for row, weight in enumerate(self.prior):
            chosen = torch.full((batch.frame.shape[0],), row, device=batch.frame.device)
            total = total + weight * self._given(encoded, batch, chosen).logits.softmax(1)
        logs = total.clamp(min=torch.finfo(total.dtype).tiny).log()
        return logs - logs[:, :1]


def prepared(spec: Spec, params: Params, texts: Texts, images: Callable[[], Tensor]) -> Texts:
    """Return the texts with P(z); a control is not weighed by the texts that it lacks."""
    if params.prior == "uniform":
        return texts
    z = variant(texts.confounders, params.dictionary, spec.seed)
    return replace(texts, prior=estimated_prior(images(), z, temperature=params.prior_temperature))


def estimated_prior(images: Tensor, z: Tensor, *, temperature: float) -> Tensor:
    """Return the mean over frames of softmax_m(cos(frame, z_m) / temperature), [M] float32.

    Args:
        images: [n, D] of unit norm, features of whole frames.
        z: [M, D], rows of unit norm or zero.
        temperature: above 0.
    """
    return (images @ z.t() / temperature).softmax(1).mean(0)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Averaged(spec, params, trunk, texts)
