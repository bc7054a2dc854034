"""From the numbers of a `Spec` to the parts of a method; each part starts from the seed and its own name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mcdrl.base.seeds import seed_for
from mcdrl.networks.dictionary import Dictionary
from mcdrl.networks.film import FilmDecoder
from mcdrl.networks.head import Merge, Pyramid
from mcdrl.networks.interface import Spec, Texts
from mcdrl.networks.intervention import Intervention
from mcdrl.networks.masker import DynamicConvolution, Masker
from mcdrl.networks.trunk import Adapter

_FILM_HEADS = 4  # as CLIPSeg's; divides every width of the head


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


def intervention(spec: Spec) -> Intervention:
    """Return A."""
    with seeded(spec.seed, "intervention"):
        return Intervention(
            spec.width, depth=spec.depth, heads=spec.heads, residual=spec.residual, dropout=spec.dropout
        )


def dictionary(spec: Spec, texts: Texts) -> Dictionary:
    """Return Z."""
    return Dictionary(texts.confounders, kind=spec.dictionary, seed=spec.seed)


def adapter(spec: Spec) -> Adapter:
    """Return the adapter."""
    with seeded(spec.seed, "adapter"):
        return Adapter(spec.width)


def film_decoder(spec: Spec) -> FilmDecoder:
    """Return the prompt-conditioned decoder."""
    with seeded(spec.seed, "film"):
        return FilmDecoder(
            spec.width, spec.map_channels, width=spec.head_width, heads=_FILM_HEADS, dropout=spec.dropout
        )


def masker(spec: Spec, channels: int) -> Masker:
    """Return the masker of features of that many channels."""
    with seeded(spec.seed, "masker"):
        return Masker(channels)


def dynamic_convolution(spec: Spec, channels: int) -> DynamicConvolution:
    """Return the convolution whose kernel is made of a text."""
    with seeded(spec.seed, "dynamic"):
        return DynamicConvolution(spec.width, channels)
