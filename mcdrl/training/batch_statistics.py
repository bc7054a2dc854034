"""Batch normalisation whose means and variances are taken anew, of whatever passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn


def batch_norms(network: nn.Module, *, following: bool = False) -> list[nn.BatchNorm2d]:
    """Return a network's batch normalisation.

    Args:
        network: the network.
        following: whether only such is asked for as now follows the batches, in training mode.
    """
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    return [norm for norm in norms if norm.training or not following]


@contextmanager
def taking_statistics(norms: Sequence[nn.BatchNorm2d]) -> Iterator[None]:
    """Let normalisation take the mean over all batches that pass until the context ends; it is in evaluation mode then.

    Args:
        norms: of a network in evaluation mode; what they knew is forgotten.
    """
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
