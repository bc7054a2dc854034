"""MCDRL by the letter (arXiv 2508.05008): F_ca = Attn(Q=F, K=V=Z) without residual paths, places not mined blanked.

What leaves the intervention lies in the span of the dictionary's values, so that the image content reaches the head
through the attention weights and the intermediate maps alone. `residual` and `regions` of the parameters don't count.
"""

from __future__ import annotations

from dataclasses import replace

from mcdrl.methods.mcdrl import MCDRL
from mcdrl.networks.interface import Method, Spec, Texts, Trunk


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MCDRL(replace(spec, residual=False, regions="zero"), trunk, texts)
