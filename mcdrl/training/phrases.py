"""Fewer phrases in the dictionary, for the study of how many it needs."""

from __future__ import annotations

from dataclasses import replace

from mcdrl.base.errors import InputError
from mcdrl.base.seeds import generator
from mcdrl.networks.interface import Texts


def drawn_phrases(total: int, count: int | None) -> list[int]:
    """Return which of `total` phrases are used, ascending; fewer are among more, and no training's seed moves them.

    Raises:
        InputError: there are fewer than `count`.
    """
    if count is None:
        return list(range(total))
    if count > total:
        raise InputError(
            f"train.phrases is {count}, but the dictionary has {total}; add phrases to build_confounders.confounders"
        )
    return sorted(generator("train", "phrases").permutation(total)[:count].tolist())


def with_phrases(texts: Texts, chosen: list[int]) -> Texts:
    """Return the texts with those phrases alone, and the prior over them."""
    prior = texts.prior[chosen]
    return replace(
        texts,
        confounders=texts.confounders[chosen],
        class_confounders=texts.class_confounders[:, chosen],
        prior=prior / prior.sum(),
    )
