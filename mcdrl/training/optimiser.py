"""Which parameter learns at what rate."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import AdamW

from mcdrl.networks.interface import Method
from mcdrl.study.sections.train import Params


def make_optimiser(method: Method, params: Params) -> AdamW:
    """Return AdamW over four groups: new or pretrained, with weight decay or (norms, biases) without.

    Each group carries its highest rate as `peak_lr`.
    """
    pretrained = {id(parameter) for parameter in method.encoder_parameters()}
    trained = [parameter for parameter in method.parameters() if parameter.requires_grad]
    new = [parameter for parameter in trained if id(parameter) not in pretrained]
    old = [parameter for parameter in trained if id(parameter) in pretrained]
    groups = [
        {"params": chosen, "peak_lr": rate, "weight_decay": decay}
        for parameters, rate in ((new, params.lr), (old, params.lr_encoder))
        for chosen, decay in ((_matrices(parameters), params.weight_decay), (_vectors(parameters), 0.0))
        if chosen
    ]
    return AdamW(groups, lr=params.lr)


def _matrices(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.dim() > 1]


def _vectors(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.dim() <= 1]


def rate(step: int, steps: int, warmup: float) -> float:
    """Return the share of its highest value that a learning rate has: a linear rise, then half a cosine.

    Args:
        step: from 0.
        steps: of the whole training.
        warmup: share of `steps` that the rise takes.
    """
    rise = round(warmup * steps)
    if step < rise:
        return risen(step, rise)
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))


def rate_of_two(step: int, steps: int, warmup: float, first: int) -> float:
    """Return `rate` of two trainings, one behind the other.

    Args:
        step: from 0.
        steps: of both together.
        warmup: share of each that its rise takes.
        first: steps of the first one, fewer than all; 0: there is but one training.
    """
    return rate(step, first, warmup) if step < first else rate(step - first, steps - first, warmup)


def risen(step: int, steps: int) -> float:
    """Return the share that something has of its whole which rises in a line over `steps`: 0 before, 1 after.

    Args:
        step: from 0; below 0 before the rise.
        steps: that it takes; 0: it is whole at once.
    """
    return min(max((step + 1) / steps, 0.0), 1.0) if steps else float(step >= 0)


def set_rates(optimiser: AdamW, share: float) -> None:
    """Set every group's rate to that share of its highest value."""
    for group in optimiser.param_groups:
        group["lr"] = share * group["peak_lr"]
