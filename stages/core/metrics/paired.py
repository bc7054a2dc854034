"""Two methods on the same frames: difference, interval, p value, and the correction for several comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.metrics.bootstrap import Groups, interval, mean_draws
from stages.core.metrics.counts import Floats

SIGN_PATTERNS = 20_000  # a p value near 0.05 is then known to 0.003, and Holm's step for 60 rows is still within reach
_CELLS_AT_ONCE = 2_000_000
_EQUAL = 1e-9  # sums that differ by less, as a share of the parts, differ by rounding


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
        draws: number of bootstrap samples; the p value doesn't depend on it.
        rng: where the samples and the sign patterns come from.
    """
    parts = np.concatenate([_group_parts(s) for s in sites]) / len(sites)
    p = sign_flip(parts, rng)  # before the bootstrap, whose number of draws moves the generator
    samples = np.mean([mean_draws(s.difference, s.groups, draws, rng) for s in sites], axis=0)
    low, high = interval(samples)
    n = sum(len(s.difference) for s in sites)
    return Comparison(float(parts.sum()), low, high, p, n, len(parts))


def sign_flip(parts: Floats, rng: np.random.Generator) -> float:
    """Return the two-sided p value of a sum whose parts could as well have had the other sign.

    It is the share of sign patterns whose sum is at least as far from 0: of all 2**G patterns where that is at most
    `SIGN_PATTERNS`, else of that many random ones and the one at hand.

    Args:
        parts: [G] float, what each group adds to the sum. Under the null hypothesis a group's two methods could be
            swapped, so its sign is free.
        rng: where random patterns come from.
    """
    if len(parts) < 2 or not parts.any():
        return 1.0  # one sign alone, or nothing to turn
    total = parts.sum()
    least = abs(total) - _EQUAL * np.abs(parts).sum()
    exact = 2 ** len(parts) <= SIGN_PATTERNS
    patterns = _all_patterns(len(parts)) if exact else _random_patterns(len(parts), rng)
    reached = sum(int((np.abs(total - 2 * (turned @ parts)) >= least).sum()) for turned in patterns)
    return reached / 2 ** len(parts) if exact else (reached + 1) / (SIGN_PATTERNS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values that hold for the whole family (Holm 1979), in the order given.

    What makes a family is the caller's to say: the rows that one question is asked of.
    """
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


def _all_patterns(n_groups: int) -> Iterator[NDArray[np.uint8]]:
    """Yield which groups are turned in each of the 2**G patterns, [2**G, G] of 0 and 1."""
    yield np.asarray(np.arange(2**n_groups)[:, None] >> np.arange(n_groups) & 1, dtype=np.uint8)


def _random_patterns(n_groups: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield `SIGN_PATTERNS` random patterns in chunks, [n, G] of 0 and 1, so that memory doesn't grow with G."""
    step = max(1, _CELLS_AT_ONCE // n_groups)
    for start in range(0, SIGN_PATTERNS, step):
        rows = min(step, SIGN_PATTERNS - start)
        drawn = rng.integers(0, 256, size=(rows, -(-n_groups // 8)), dtype=np.uint8)
        yield np.unpackbits(drawn, axis=1, count=n_groups)
