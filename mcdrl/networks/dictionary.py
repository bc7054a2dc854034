"""The confounder dictionary Z of the intervention, and the controls it is compared with (section 3.2 of the paper)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mcdrl.base.seeds import seed_for
from mcdrl.clip.encoder import unit


class Dictionary(nn.Module):
    """Z, [M, D]: what the intervention attends to.

    - `text`: the embeddings of the confounder prompts, fixed.
    - `random`: vectors of unit norm in random directions, fixed.
    - `shuffled`: the text vectors with their D axes permuted, all by the same permutation: norms and mutual
      angles stay, the alignment with the image space is lost.
    - `zero`: no vector says anything.
    - `learned`: trained, from the text vectors on.
    """

    z: Tensor

    def __init__(self, confounders: Tensor, *, kind: str, seed: int) -> None:
        """Make the variant `kind` of the prompts' embeddings, [M, D] float32 of unit norm."""
        super().__init__()
        z = variant(confounders, kind, seed)
        if kind == "learned":
            self.z = nn.Parameter(z)
        else:
            self.register_buffer("z", z)

    def forward(self) -> Tensor:
        """Return Z, [M, D] float32."""
        return self.z


def variant(confounders: Tensor, kind: str, seed: int) -> Tensor:
    """Return the variant of the confounders' embeddings that `Dictionary` describes, [M, D] float32.

    Raises:
        ValueError: there is no such variant.
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "dictionary"))
    if kind in ("text", "learned"):
        return confounders.clone()
    if kind == "random":
        return unit(torch.randn(confounders.shape, generator=generator), -1)
    if kind == "shuffled":
        return confounders[:, torch.randperm(confounders.shape[1], generator=generator)]
    if kind == "zero":
        return torch.zeros_like(confounders)
    raise ValueError(f"unknown dictionary '{kind}'")
