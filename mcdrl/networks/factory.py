"""From numbers to the parts that several methods have; each part starts from the seed and its own name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mcdrl.base.seeds import seed_for
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.networks.head import Merge, Pyramid
from mcdrl.networks.interface import Method, Spec
from mcdrl.networks.presence import Presence
from mcdrl.networks.trunk import Adapter


@contextmanager
def seeded(seed: int, part: str) -> Iterator[None]:
    """Draw torch's CPU random numbers from `seed_for(seed, part)` inside, and leave the outer state untouched."""
    with torch_seeded(seed_for(seed, part)):
        yield


def head(spec: Spec) -> Pyramid:
    """Return H; equal seeds give equal heads whatever the method."""
    with seeded(spec.seed, "head"):
        return Pyramid(
            spec.width, spec.map_channels, width=spec.head_width, dropout=spec.dropout, input_dropout=spec.input_dropout
        )


def merge(spec: Spec) -> Merge:
    """Return the pyramid without an end; its weights are those of the equal part of `head`."""
    with seeded(spec.seed, "head"):
        return Merge(
            spec.width, spec.map_channels, width=spec.head_width, dropout=spec.dropout, input_dropout=spec.input_dropout
        )


def adapter(spec: Spec) -> Adapter:
    """Return the adapter."""
    with seeded(spec.seed, "adapter"):
        return Adapter(spec.width, bottleneck=spec.bottleneck)


def with_presence(method: Method, spec: Spec) -> Method:
    """Give a method, in place, the head that says whether a frame has a lesion, where the numbers want one."""
    if spec.presence:
        with seeded(spec.seed, "presence"):
            method.presence = Presence(method.feature_channels(spec), width=spec.head_width, dropout=spec.dropout)
    return method
