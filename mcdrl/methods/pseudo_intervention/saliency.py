"""What an answer rests on, place by place, and frames without it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.artifacts.frames import IGNORED
from mcdrl.base.device import onto
from mcdrl.clip.encoder import Encoded
from mcdrl.networks.interface import Batch
from mcdrl.regions.grid import best_places

_SMALL = 1e-12


class Traced:
    """All that a head sees, with a step of zero beside each input, whose gradient tells what the answer rests on.

    Attributes:
        encoded: what came in.
        frame: [B, 3, S, S].
    """

    def __init__(self, encoded: Encoded, frame: Tensor) -> None:
        """Take what goes into the head; gradients have to be on."""
        inputs = {"dense": encoded.dense, "frame": frame, **encoded.maps}
        self._steps = {name: torch.zeros_like(grid).requires_grad_() for name, grid in inputs.items()}
        self._inputs = {name: grid + self._steps[name] for name, grid in inputs.items()}
        maps = {tap: self._inputs[tap] for tap in encoded.maps}
        self.encoded, self.frame = replace(encoded, dense=self._inputs["dense"], maps=maps), self._inputs["frame"]

    def saliency(self, logits: Tensor) -> Tensor:
        """Return how much the lesion's logits rest on each place of the grid, [B, H, W], 0 and more, differentiable.

        Args:
            logits: [B, 2, S, S], of `encoded` and `frame`.
        """
        lesion = logits[:, 1] - logits[:, 0]
        answer = (lesion.detach().sigmoid() * lesion).sum()
        gradients = torch.autograd.grad(answer, list(self._steps.values()), create_graph=True, materialize_grads=True)
        size = self.encoded.dense.shape[-2:]
        parts = [
            _on_grid(_product_of_norms(gradient, grid.detach()), size)
            for gradient, grid in zip(gradients, self._inputs.values(), strict=True)
        ]
        return torch.stack(parts).sum(0)


def _product_of_norms(one: Tensor, other: Tensor) -> Tensor:
    return (one.square().sum(1) * other.square().sum(1) + _SMALL).sqrt()


def _on_grid(values: Tensor, size: torch.Size) -> Tensor:
    """Return values, [B, h, w], on a grid of another size: the mean of what a place covers."""
    grid = values.unsqueeze(1)
    if (finer := grid.shape[-1] // size[-1]) > 1:
        grid = F.avg_pool2d(grid, finer)
    return F.interpolate(grid, size, mode="bilinear", align_corners=False)[:, 0]


def sparsity(saliency: Tensor) -> Tensor:
    """Return L_1 over L_2 of each frame's saliency, [B] in 0..1: one where all places [B, H, W] are alike."""
    flat = saliency.flatten(1)
    return flat.mean(1) / (flat.square().mean(1) + _SMALL).sqrt()


def places(saliency: Tensor | None, dense: Tensor, *, share: float) -> Tensor:
    """Return the most salient places of each frame, [B, H, W] bool, at least one; without a saliency, drawn ones.

    Args:
        saliency: [B, H, W], 0 and more.
        dense: [B, D, H, W], whose grid it is.
        share: of the places.
    """
    height, width = dense.shape[-2:]
    drawn = onto(torch.rand(dense.shape[0], height, width), dense.device) if saliency is None else saliency
    found = drawn.detach()
    found = found / found.amax((1, 2), keepdim=True).clamp(min=_SMALL)
    return best_places(found.half().float(), max(1, round(share * height * width)))


def masked(batch: Batch, chosen: Tensor) -> Batch:
    """Return frames whose chosen places have the frame's mean colour, and no lesion.

    Lesion that is left to see is no longer judged: whether it is called depends on what was masked of it.

    Args:
        batch: B frames.
        chosen: [B, H, W] bool.
    """
    cover = F.interpolate(
        chosen.unsqueeze(1).to(batch.frame.dtype), batch.frame.shape[-2:], mode="bilinear", align_corners=False
    )
    frame = torch.lerp(batch.frame, batch.frame.mean((2, 3), keepdim=True).expand_as(batch.frame), cover)
    gone = cover[:, 0] >= 0.5
    mask = batch.mask.masked_fill(batch.lesion & gone, 0).masked_fill(batch.lesion & ~gone, IGNORED)
    return replace(batch, frame=frame, mask=mask)
