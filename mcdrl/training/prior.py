"""P(z), the weights of the sum over z in `mcdrl_backdoor`, from the source sites' training frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mcdrl.networks.dictionary import variant
from mcdrl.networks.inputs import SitesReader
from mcdrl.networks.interface import Spec, Texts

_TEMPERATURE = 0.07  # of the softmax over confounders; what CLIP's own training starts from


def with_prior(texts: Texts, spec: Spec, reader: SitesReader, cases: Sequence[str], *, kind: str) -> Texts:
    """Return the texts with the prior that params.yaml asks for.

    Args:
        texts: with a uniform prior.
        spec: says which vectors stand for the confounders: a control must not be weighed by the texts it lacks.
        reader: of the source sites.
        cases: their training frames.
        kind: "uniform" or "source".
    """
    if kind == "uniform":
        return texts
    z = variant(texts.confounders, spec.dictionary, spec.seed)
    return replace(texts, prior=estimated(torch.from_numpy(reader.images(cases)).float(), z))


def estimated(images: Tensor, z: Tensor) -> Tensor:
    """Return the mean over frames of softmax_m(cos(frame, z_m) / 0.07), [M] float32.

    Args:
        images: [n, D] of unit norm, features of whole frames.
        z: [M, D], rows of unit norm or zero.
    """
    return (images @ z.t() / _TEMPERATURE).softmax(1).mean(0)
