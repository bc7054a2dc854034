"""Batch normalisation: means and variances taken anew of whatever passes, and the same ones in all processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn


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


def average_statistics(fabric: Fabric, norms: Sequence[nn.BatchNorm2d]) -> None:
    """Give normalisation, in place, the mean over all processes, each of which has seen its part of every batch."""
    if fabric.world_size == 1:
        return
    for norm in norms:
        for statistic in (norm.running_mean, norm.running_var):
            if statistic is not None:
                statistic.copy_(cast(Tensor, fabric.all_reduce(statistic, reduce_op="mean")))


def share_buffers(fabric: Fabric, network: nn.Module) -> None:
    """Give all processes what the first one's network keeps beside its weights, such as running means.

    Data parallelism does so before each forward pass, of training alone: the last step leaves every process its own.
    """
    if fabric.world_size == 1:
        return
    for buffer in network.buffers():
        torch.distributed.broadcast(buffer, 0)
