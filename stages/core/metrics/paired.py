"""Two methods on the same frames: difference, interval, p value, and the correction for several comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import permutation_test

from stages.core.metrics.bootstrap import Groups, interval, mean_draws
from stages.core.metrics.counts import Floats


@dataclass(frozen=True)
class Pairs:
    """The differences of two methods on the frames of one site.

    Attributes:
        difference: [n] float, finite: the method's score minus the baseline's.
        groups: [n], the patient or sequence of each frame.
    """

    difference: Floats
    groups: Groups


@dataclass(frozen=True)
class Comparison:
    """What the differences amount to.

    Attributes:
        difference: mean over sites of the mean over frames.
        low: lower end of the 95 % interval by group bootstrap within each site.
        high: upper end.
        p: two-sided p value of the group sign-flip test.
        n: frames.
        n_groups: groups; no p value can be below 2 / 2**n_groups.
    """

    difference: float
    low: float
    high: float
    p: float
    n: int
    n_groups: int


def compare(sites: Sequence[Pairs], draws: int, rng: np.random.Generator) -> Comparison:
    """Compare two methods on the same frames of one or more sites, each site with equal weight.

    Args:
        sites: the differences, site by site.
        draws: number of bootstrap samples, and the most sign patterns that are tried.
        rng: where the samples come from.
    """
    samples = np.mean([mean_draws(s.difference, s.groups, draws, rng) for s in sites], axis=0)
    low, high = interval(samples)
    parts = np.concatenate([_group_parts(s) for s in sites]) / len(sites)
    n = sum(len(s.difference) for s in sites)
    return Comparison(float(parts.sum()), low, high, sign_flip(parts, draws, rng), n, len(parts))


def sign_flip(parts: Floats, draws: int, rng: np.random.Generator) -> float:
    """Return the two-sided p value of a sum whose parts could as well have had the other sign.

    Args:
        parts: [G] float, what each group adds to the sum. Under the null hypothesis a group's two methods could be
            swapped, so its sign is free.
        draws: the most sign patterns that are tried; all of them when 2**G is no more.
        rng: where the patterns come from.
    """
    if len(parts) < 2 or not parts.any():
        return 1.0  # one sign alone, or nothing to turn
    test = permutation_test(
        (parts, np.zeros_like(parts)), _sum_of_differences, permutation_type="samples", vectorized=True,
        n_resamples=draws, rng=rng,
    )  # fmt: skip
    return float(test.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values that hold for the whole family (Holm 1979), in the order given."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(p[order] * np.arange(len(p), 0, -1), 1.0)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(stepped)
    return [float(value) for value in adjusted]


def _group_parts(site: Pairs) -> Floats:
    """Return what each group adds to the site's mean difference, [G]."""
    _, member = np.unique(site.groups, return_inverse=True)
    parts: Floats = np.bincount(member, weights=site.difference) / len(site.difference)
    return parts


def _sum_of_differences(first: Floats, second: Floats, axis: int = -1) -> Floats:
    total: Floats = np.sum(first - second, axis=axis)
    return total
