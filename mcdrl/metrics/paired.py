"""Two methods on the same frames: difference, intervals, p values, and the correction for several comparisons.

A difference has two sources of chance: which frames were at hand, and how each training happened to end. Its frames'
interval takes the trainings as they are, its seeds' interval the frames; sure is what leaves zero out of both, and
by an error that has both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mcdrl.metrics.bootstrap import CELLS_AT_ONCE, Groups
from mcdrl.metrics.counts import Floats
from mcdrl.metrics.intervals import Sample, mean_interval, seeds_interval, total_p

SIGN_PATTERNS = 20_000  # a p value near 0.05 is then known to 0.003, and Holm's step for 60 rows is still within reach
SURE = 0.05  # p after Holm below which a difference is sure
_FRAME = ["held_out", "case_id", "group_id"]
_EQUAL = 1e-9  # sums that differ by less, as a share of the parts, differ by rounding


@dataclass(frozen=True)
class Pairs:
    """The differences of two methods on the frames of one site.

    Attributes:
        difference: [K, n] float, finite: the method's score minus the baseline's, a row a seed.
        groups: [n], the patient or sequence of each frame.
    """

    difference: Floats
    groups: Groups

    @property
    def frames(self) -> Sample:
        """The differences frame by frame, means over the seeds."""
        return Sample(self.difference.mean(axis=0), self.groups)


@dataclass(frozen=True)
class Comparison:
    """What the differences amount to.

    Attributes:
        difference: mean over sites of the mean over frames, of the mean over seeds.
        low: lower end of its 95 % interval over the groups of each site, trainings taken as they are; see
            `mcdrl.metrics.intervals`.
        high: upper end.
        p: two-sided p value of the group sign-flip test.
        n: frames.
        n_groups: groups; no p value can be below 2 / 2**n_groups.
        fewest_groups: groups of the site that has the fewest.
        n_seeds: trainings of each method.
        seed_low: lower end of its 95 % t interval over the seeds, frames taken as they are; NaN with one seed, or where
            they are all alike.
        seed_high: upper end.
        seed_p: two-sided p value of the paired t test over the seeds; NaN likewise.
        total_p: two-sided p value by an error that has groups and seeds; NaN with one seed or one group; see
            `mcdrl.metrics.intervals.total_p`.
    """

    difference: float
    low: float
    high: float
    p: float
    n: int
    n_groups: int
    fewest_groups: int
    n_seeds: int
    seed_low: float
    seed_high: float
    seed_p: float
    total_p: float

    @property
    def p_both(self) -> float:
        """The p value that holds for frames and seeds alike, the greatest of three; with one seed that of the frames.

        NaN where several seeds have none.
        """
        if self.n_seeds == 1:
            return self.p
        return float(np.maximum(np.fmax(self.p, self.total_p), self.seed_p))

    def sure(self, p_holm: float) -> bool:
        """Return whether it would survive other frames and other trainings: never with one seed.

        Args:
            p_holm: `p_both` after Holm's correction over the rows of one question.
        """
        return p_holm < SURE and excludes_zero(self.low, self.high) and excludes_zero(self.seed_low, self.seed_high)


def excludes_zero(low: float, high: float) -> bool:
    """Return whether zero lies outside an interval; an undefined one excludes nothing."""
    return low > 0 or high < 0


def pair(ours: pd.DataFrame, theirs: pd.DataFrame, score: str) -> dict[str, Pairs]:
    """Pair two methods, site by site, on the seeds and frames that both have.

    Args:
        ours: one method's rows: held_out, case_id, group_id, seed and the score; undefined scores stay out.
        theirs: the other's, which is subtracted.
        score: the column.

    Returns:
        Site -> its differences, in the order of `ours`; empty where nothing is common.

    Raises:
        ValueError: a site has frames in common, but none with all the seeds that any site has.
    """
    one, other = (rows.pivot(index=_FRAME, columns="seed", values=score) for rows in (ours, theirs))
    common = (one - other).dropna(axis=1, how="all").dropna(how="all")
    both = common.dropna()
    sites = both.index.get_level_values("held_out")
    lost = sorted(set(common.index.get_level_values("held_out")) - set(sites))
    if lost:
        seeds = common.columns.tolist()
        raise ValueError(f"site {lost[0]}: no frame has a {score} of both methods in each of the seeds {seeds}")
    parts = {str(site): both[sites == site] for site in dict.fromkeys(ours["held_out"])}
    return {
        site: Pairs(np.asarray(own, dtype=np.float64).T, own.index.get_level_values("group_id").to_numpy())
        for site, own in parts.items()
        if own.size
    }


def compare(sites: Sequence[Pairs], draws: int, rng: np.random.Generator) -> Comparison:
    """Compare two methods on the same frames of one or more sites, each site with equal weight.

    Args:
        sites: the differences, site by site, of the same seeds.
        draws: number of bootstrap samples; the p values don't depend on it.
        rng: where the samples and the sign patterns come from.
    """
    frames = [site.frames for site in sites]
    parts = np.concatenate([_group_parts(sample) for sample in frames]) / len(sites)
    p = sign_flip(parts, rng)  # before the bootstrap, whose number of draws moves the generator
    low, high = mean_interval(frames, draws, rng)
    by_seed = np.mean([site.difference.mean(axis=1) for site in sites], axis=0)
    seed_low, seed_high, seed_p = seeds_interval(by_seed)
    return Comparison(
        difference=float(parts.sum()), low=low, high=high, p=p, n=sum(len(sample.values) for sample in frames),
        n_groups=len(parts), fewest_groups=min(sample.n_groups for sample in frames), n_seeds=len(by_seed),
        seed_low=seed_low, seed_high=seed_high, seed_p=seed_p, total_p=total_p(frames, by_seed),
    )  # fmt: skip


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

    What makes a family is the caller's to say: the rows that one question is asked of. Those that are NaN stay so, and
    are none of it.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]  # NaN are sorted behind all others
    stepped = np.minimum(p[order] * np.arange(len(order), 0, -1), 1.0)
    adjusted = np.full_like(p, np.nan)
    adjusted[order] = np.maximum.accumulate(stepped)
    return [float(value) for value in adjusted]


def _group_parts(site: Sample) -> Floats:
    """Return what each group adds to the site's mean difference, [G]."""
    _, member = np.unique(site.groups, return_inverse=True)
    parts: Floats = np.bincount(member, weights=site.values) / len(site.values)
    return parts


def _all_patterns(n_groups: int) -> Iterator[NDArray[np.uint8]]:
    """Yield which groups are turned in each of the 2**G patterns, [2**G, G] of 0 and 1."""
    yield np.asarray(np.arange(2**n_groups)[:, None] >> np.arange(n_groups) & 1, dtype=np.uint8)


def _random_patterns(n_groups: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield `SIGN_PATTERNS` random patterns in chunks, [n, G] of 0 and 1, so that memory doesn't grow with G."""
    step = max(1, CELLS_AT_ONCE // n_groups)
    for start in range(0, SIGN_PATTERNS, step):
        rows = min(step, SIGN_PATTERNS - start)
        drawn = rng.integers(0, 256, size=(rows, -(-n_groups // 8)), dtype=np.uint8)
        yield np.unpackbits(drawn, axis=1, count=n_groups)
