"""What a method's output says of each pixel, and of the whole frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mcdrl.networks.interface import Batch, Method, Output
from mcdrl.networks.presence import presence


@dataclass(frozen=True)
class Probabilities:
    """What a method says of B frames.

    Attributes:
        lesion: [B, S, S] float32, of each pixel being lesion, 0..1.
        presence: [B] float32, of each frame having one, 0..1; None: the method has no head for that.
    """

    lesion: Tensor
    presence: Tensor | None


def probabilities(method: Method, batch: Batch, *, single_pass: bool = False) -> Probabilities:
    """Return what a method says of frames, with the intervention on and without gradients.

    Args:
        method: in evaluation mode.
        batch: B frames.
        single_pass: whether a method that makes several passes makes its first one alone.
    """
    with torch.inference_mode():
        return of_output(method, method.single_pass(batch) if single_pass else method(batch, intervene=True))


def probability(method: Method, batch: Batch) -> Tensor:
    """Return the probability of lesion, [B, S, S] float32 in 0..1, with the intervention on and without gradients."""
    return probabilities(method, batch).lesion


def single_pass_probability(method: Method, batch: Batch) -> Tensor:
    """Return what `probability` does, from one pass where a method makes several."""
    return probabilities(method, batch, single_pass=True).lesion


def of_output(method: Method, output: Output) -> Probabilities:
    """Return the probabilities that a method's output stands for."""
    there = presence(method, output)
    return Probabilities(lesion(output), None if there is None else there.sigmoid())


def lesion(output: Output) -> Tensor:
    """Return the probability of lesion that a method's output stands for, [B, S, S] float32 in 0..1."""
    return output.logits.float().softmax(1)[:, 1]
