"""MCDRL with the sum over z written out: sum_z P(z) P(Y|F, z), P(Y|F, z) = softmax H(A(F, z)).

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

import torch
from torch import Tensor

from mcdrl.clip.encoder import Encoded
from mcdrl.methods.mcdrl import MCDRL
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.intervention import pool
from mcdrl.regions.grid import gather, indices, scatter


class Backdoor(MCDRL):
    """Target region selection, and an explicit sum over the confounders."""

    prior: Tensor

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and P(z); make intervention, dictionary and head."""
        super().__init__(spec, trunk, texts)
        self.register_buffer("prior", texts.prior, persistent=False)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:
        """Segment a batch; before the intervention is switched on, F stands for A(F, z)."""
        if not intervene:
            return super().forward(batch, intervene=False)
        encoded = self.trunk(batch)
        if not self.training:
            return Output(self._summed(encoded, batch))
        drawn = torch.multinomial(self.prior.cpu(), len(batch.frame), replacement=True).to(self.prior.device)
        return self._given(encoded, batch, drawn)

    def _given(self, encoded: Encoded, batch: Batch, chosen: Tensor) -> Output:
        """Return H(A(F, z)), z the dictionary's row `chosen` for each frame, [B] long."""
        index = indices(batch.selected)
        z = self.dictionary()[chosen]
        z = torch.stack([z, torch.zeros_like(z)], 1)  # [B, 2, D]
        rows = self.intervention(gather(encoded.dense, index), z)
        grid = scatter(encoded.dense, index, rows, regions=self.regions)
        return Output(self.segment(encoded, grid, batch), pool(rows), self.image(encoded))

    def _summed(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return the logits of sum_z P(z) P(Y|F, z), [B, 2, S, S]; that of background is zero."""
        total = torch.zeros((), device=batch.frame.device)
        for row, weight in enumerate(self.prior):
            chosen = torch.full((batch.frame.shape[0],), row, device=batch.frame.device)
            total = total + weight * self._given(encoded, batch, chosen).logits.softmax(1)
        logs = total.clamp(min=torch.finfo(total.dtype).tiny).log()
        return logs - logs[:, :1]


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Backdoor(spec, trunk, texts)
