"""What a method's output says of each pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from mcdrl.networks.interface import Batch, Method, Output


def probability(method: Method, batch: Batch) -> Tensor:
    """Return the probability of lesion, [B, S, S] float32 in 0..1, with the intervention on and without gradients."""
    with torch.inference_mode():
        return lesion(method(batch, intervene=True))


def single_pass_probability(method: Method, batch: Batch) -> Tensor:
    """Return what `probability` does, from one pass where a method makes several."""
    with torch.inference_mode():
        return lesion(method.single_pass(batch))


def lesion(output: Output) -> Tensor:
    """Return the probability of lesion that a method's output stands for, [B, S, S] float32 in 0..1."""
    return output.logits.float().softmax(1)[:, 1]
