"""MCDRL by the letter (arXiv 2508.05008): F_ca = Attn(Q=F, K=V=Z) without residual paths, places not mined blanked.

What leaves the intervention is made of the dictionary's values alone: the image content reaches the head through the
attention weights and the intermediate maps.
"""

from __future__ import annotations

from mcdrl.methods import mcdrl
from mcdrl.networks.interface import Method, Spec, Texts, Trunk
from mcdrl.networks.params import ContrastParams, InterventionParams

BASES = ("mcdrl",)


class Params(InterventionParams, ContrastParams):
    """Those of `mcdrl`, of which the letter fixes `residual` and `regions`."""


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    literal = mcdrl.Params(**params.model_dump(), residual=False, regions="zero")
    return mcdrl.MCDRL(spec, literal, trunk, texts)
