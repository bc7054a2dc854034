"""From numbers to the parts that several methods have; each part starts from the seed and its own name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mcdrl.base.seeds import seed_for
from mcdrl.networks.dictionary import Dictionary
from mcdrl.networks.head import Merge, Pyramid
from mcdrl.networks.interface import Spec, Texts
from mcdrl.networks.intervention import Intervention
from mcdrl.networks.params import InterventionParams
from mcdrl.networks.trunk import Adapter


@contextmanager
def seeded(seed: int, part: str) -> Iterator[None]:
    """Draw torch's CPU random numbers from `seed_for(seed, part)` inside, and leave the outer state untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(seed, part))
        yield


def head(spec: Spec) -> Pyramid:
    """Return H; equal seeds give equal heads whatever the method."""
    with seeded(spec.seed, "head"):
        return Pyramid(spec.width, spec.map_channels, width=spec.head_width, dropout=spec.dropout)


def merge(spec: Spec) -> Merge:
    """Return the pyramid without an end; its weights are those of the equal part of `head`."""
    with seeded(spec.seed, "head"):
        return Merge(spec.width, spec.map_channels, width=spec.head_width, dropout=spec.dropout)


def intervention(spec: Spec, params: InterventionParams, *, residual: bool) -> Intervention:
    """Return A.

    Raises:
        ValueError: the attention heads don't divide the joint width.
    """
    if spec.width % params.heads:
        legal = [number for number in range(1, 33) if spec.width % number == 0]
        raise ValueError(f"{params.heads} heads don't divide the joint width {spec.width}; legal: {legal}")
    with seeded(spec.seed, "intervention"):
        return Intervention(spec.width, depth=params.depth, heads=params.heads, residual=residual, dropout=spec.dropout)


def dictionary(spec: Spec, params: InterventionParams, texts: Texts) -> Dictionary:
    """Return Z."""
    return Dictionary(texts.confounders, kind=params.dictionary, seed=spec.seed)


def adapter(spec: Spec) -> Adapter:
    """Return the adapter."""
    with seeded(spec.seed, "adapter"):
        return Adapter(spec.width, bottleneck=spec.bottleneck)
