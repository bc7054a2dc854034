"""Null-space projection: Y = H(C - C B B^T), B the span of the dictionary that is orthogonal to the class texts.

What of a feature lies along the confounders' directions z_m - mean Z, and along no class text, is taken out for good,
in training as at prediction. Intermediate maps and the frame itself, which the head sees, too, stay as they are.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from mcdrl.base.section import Section
from mcdrl.methods.baseline import Baseline
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk


class Params(Section):
    """What counts as a direction.

    Attributes:
        least: singular value above which a direction counts, as a share of the largest, above 0 and below 1; our
            choice.
    """

    least: float = Field(gt=0, lt=1)


class Nullspace(Baseline):
    """Features without the confounders' directions."""

    span: Tensor  # [R, D], orthonormal rows

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Make the baseline; work out the span."""
        super().__init__(spec, params, trunk, texts)
        self.register_buffer("span", confounder_span(texts, least=params.least))

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        along = torch.einsum("rd,re,behw->bdhw", self.span, self.span, encoded.dense)
        return Output(self.segment(encoded, encoded.dense - along, batch), encoded=encoded)


def confounder_span(texts: Texts, *, least: float) -> Tensor:
    """Return an orthonormal basis [R, D] of the confounders' directions without what lies in the classes' span.

    Args:
        texts: the prompts.
        least: singular value, as a share of the largest, of a direction that counts.
    """
    directions = (texts.confounders - texts.confounders.mean(0)).double()
    classes = torch.linalg.qr(texts.classes.double().T)[0]  # [D, K]
    _, sizes, basis = torch.linalg.svd(directions - directions @ classes @ classes.T, full_matrices=False)
    span: Tensor = basis[sizes > least * sizes[0]].float()
    return span


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Nullspace(spec, params, trunk, texts)
