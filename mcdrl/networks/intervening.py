"""What methods share that intervene: A, Z, and the loss that both act on."""

from __future__ import annotations

import torch
from torch import Tensor

from mcdrl.clip.encoder import Encoded
from mcdrl.networks.dictionary import Dictionary
from mcdrl.networks.factory import seeded
from mcdrl.networks.interface import Batch, Output, Spec, Texts, Trunk
from mcdrl.networks.intervention import Intervention
from mcdrl.networks.losses import CausalLoss, ContrastLoss
from mcdrl.networks.params import CausalParams
from mcdrl.networks.segmenter import Segmenter


class Intervening(Segmenter):
    """A trunk, intervention, dictionary, head, and L_seg + lambda_1 L_causal + lambda_2 L_contrast."""

    intervenes = True

    def __init__(self, spec: Spec, params: CausalParams, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make intervention, dictionary, head and losses.

        Args:
            spec: the numbers of the network.
            params: the method's own.
            trunk: between the cached features and the method.
            texts: the prompts.

        Raises:
            ValueError: the attention heads don't divide the joint width.
        """
        super().__init__(spec, params, trunk, texts)
        with seeded(spec.seed, "intervention"):
            self.intervention = Intervention(
                spec.width, depth=params.depth, heads=params.heads, residual=params.residual, dropout=spec.dropout
            )
        self.dictionary = Dictionary(texts.confounders, kind=params.dictionary, seed=spec.seed)
        self.causal, self.contrast = CausalLoss(params, texts), ContrastLoss(params, texts)
        self.tokens_alone = params.head_inputs == "tokens"
        if self.tokens_alone:  # what takes in the rest has nothing to learn from
            self.head.maps.requires_grad_(False)
            self.head.detail.requires_grad_(False)

    def segment(self, encoded: Encoded, grid: Tensor, batch: Batch) -> Tensor:
        """Return H(grid), [B, 2, S, S] logits, beside maps of zeros and a grey frame where the grid is to be all."""
        if not self.tokens_alone:
            return super().segment(encoded, grid, batch)
        maps = {tap: torch.zeros_like(values) for tap, values in encoded.maps.items()}
        logits: Tensor = self.head(maps, grid, torch.full_like(batch.frame, 0.5))
        return logits

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the three terms, those that have something to act on."""
        causal = {name: self.causal_share * loss for name, loss in self.causal(batch, output).items()}
        return {**super().losses(batch, output), **causal, **self.contrast(batch, output)}
