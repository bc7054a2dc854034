"""95 % intervals of means: over frames that come in groups, and over the trainings of a method.

Below thirty groups the bootstrap is too narrow (of five groups it holds the mean in about four of five cases, of two in
half), so there the interval is Student's t with the delete-a-group jackknife; below five groups there is none. A
training is a draw as well: what another seed would give is told by a t interval over the trainings; of a single one
there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its statistics take half a second, which those that ask for no such rate are spared
from scipy.special import stdtr, stdtrit

from mcdrl.metrics.bootstrap import Groups, interval, mean_draws
from mcdrl.metrics.counts import Floats

LEAST_GROUPS = 5  # of a site; with fewer there is no interval
MANY_GROUPS = 30  # from here on groups are resampled
LEVEL = 0.95
ANY = (-np.inf, np.inf)
SHARE = (0.0, 1.0)
DRAWS = 2000  # from draw to draw an end then moves by a sixtieth of the interval (standard error): less than shown
NONE = (float("nan"), float("nan"))
_NO_WIDTH = 1e-9  # equal values give a width that is rounding


@dataclass(frozen=True)
class Sample:
    """The values of one site.

    Attributes:
        values: [n] float, finite, one a frame.
        groups: [n], the patient or sequence of each frame.
    """

    values: Floats
    groups: Groups

    @property
    def n_groups(self) -> int:
        """Groups."""
        return len(set(self.groups.tolist()))


def mean_interval(
    sites: Sequence[Sample], draws: int, rng: np.random.Generator, within: tuple[float, float] = ANY
) -> tuple[float, float]:
    """Return the 95 % interval of the mean over sites of the mean over frames.

    Args:
        sites: the values, site by site.
        draws: bootstrap samples, where every site has `MANY_GROUPS`.
        rng: where those come from.
        within: what the mean can't leave, such as 0 and 1 for Dice.

    Returns:
        Low and high; NaN where there is no site, or one has fewer than `LEAST_GROUPS` groups.
    """
    fewest = min((site.n_groups for site in sites), default=0)
    if fewest < LEAST_GROUPS:
        return NONE
    if fewest >= MANY_GROUPS:
        samples = [mean_draws(site.values, site.groups, draws, rng) for site in sites]
        return interval(np.mean(samples, axis=0), LEVEL)
    low, high = np.clip(_t_interval(sites), *within)
    return float(low), float(high)


def rate_interval(interval: tuple[float, float], rate: float, groups: int) -> tuple[float, float]:
    """Return the interval of a rate; of none or all, where groups show no spread, Wilson's over the groups.

    It will do for a mean of values within 0..1, too: where that is 0 or 1, all of them are.

    Args:
        interval: as from `mean_interval`.
        rate: 0..1.
        groups: that it is of.
    """
    if rate not in (0.0, 1.0) or groups < LEAST_GROUPS:
        return interval
    found = scipy.stats.binomtest(round(rate * groups), groups).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def if_spread(interval: tuple[float, float]) -> tuple[float, float]:
    """Return an interval, or none where it has no width: groups that are all alike tell nothing of chance.

    Args:
        interval: as from `mean_interval`.
    """
    low, high = interval
    return interval if high - low > _NO_WIDTH else NONE


def score_interval(
    sites: Sequence[Sample], draws: int, rng: np.random.Generator, within: tuple[float, float] = SHARE
) -> tuple[float, float]:
    """Return the interval of `mean_interval`, or none where groups show no spread.

    A single site's share of 0 or 1 has Wilson's, as in `rate_interval`.

    Args:
        sites: the values, site by site.
        draws: bootstrap samples.
        rng: where those come from.
        within: what the values can't leave; `SHARE`: they are shares.
    """
    found = mean_interval(sites, draws, rng, within)
    if within == SHARE and len(sites) == 1 and sites[0].n_groups:
        found = rate_interval(found, float(sites[0].values.mean()), sites[0].n_groups)
    return if_spread(found)


def seeds_interval(values: Floats, within: tuple[float, float] = ANY) -> tuple[float, float, float]:
    """Return the 95 % t interval of the mean over trainings, and the two-sided p value of its being 0.

    Args:
        values: [K] float, one a training.
        within: what the mean can't leave.

    Returns:
        Low, high, p; NaN where there are fewer than two trainings, or all give the same: those without a spread tell
        nothing of others. Only where all give 0 is there nothing to tell of: 0, 0, 1.
    """
    n = len(values)
    if n < 2:
        return (*NONE, float("nan"))
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(n))
    reach = t_reach(n - 1) * error
    if 2 * reach <= _NO_WIDTH:
        return (0.0, 0.0, 1.0) if abs(mean) <= _NO_WIDTH else (*NONE, float("nan"))
    low, high = np.clip([mean - reach, mean + reach], *within)
    return float(low), float(high), float(2 * stdtr(n - 1, -abs(mean) / error))


def total_p(sites: Sequence[Sample], by_seed: Floats) -> float:
    """Return the two-sided p value of a mean's being 0 by an error that has both, groups of frames and trainings.

    Each of two tests, of frames and of seeds, takes the other's chance for none, so that passing both is easier than it
    looks where both matter: of twelve trainings with as much chance in them as in the frames, a tenth of the
    differences that are none would pass. What groups and trainings share is counted in both parts, so that the error is
    rather too large.

    Args:
        sites: means over the trainings frame by frame, site by site.
        by_seed: [K] float, means over the frames and sites, one a training.

    Returns:
        Student's p by Welch's and Satterthwaite's degrees of freedom; NaN with fewer than two trainings or groups.
    """
    free = np.array([*(site.n_groups - 1 for site in sites), len(by_seed) - 1])
    if free.min() < 1:
        return float("nan")
    of_sites = np.array([_variance(site) for site in sites]) / len(sites) ** 2
    variances = np.array([*of_sites, np.var(by_seed, ddof=1) / len(by_seed)])
    total, mean = float(variances.sum()), float(np.mean(by_seed))
    if total <= _NO_WIDTH**2:
        return 1.0 if abs(mean) <= _NO_WIDTH else float("nan")
    return float(2 * stdtr(total**2 / (variances**2 / free).sum(), -abs(mean) / np.sqrt(total)))


def t_reach(free: float) -> float:
    """Return how many standard errors Student's 95 % interval reaches to either side.

    `scipy.stats` says the same, and takes every process that asks half a second to import.

    Args:
        free: degrees of freedom, above 0.
    """
    return float(stdtrit(free, (1 + LEVEL) / 2))


def _t_interval(sites: Sequence[Sample]) -> tuple[float, float]:
    """Return Student's interval, with the degrees of freedom of Welch and Satterthwaite over the sites."""
    variances = np.array([_variance(site) for site in sites])
    free = np.array([site.n_groups - 1 for site in sites])
    mean = float(np.mean([site.values.mean() for site in sites]))
    total = variances.sum()
    if total == 0:
        return mean, mean
    reach = t_reach(total**2 / (variances**2 / free).sum()) * np.sqrt(total) / len(sites)
    return mean - reach, mean + reach


def _variance(site: Sample) -> float:
    """Return the variance of a site's mean by leaving out one group at a time, so that large groups count as such."""
    _, member = np.unique(site.groups, return_inverse=True)
    sizes = np.bincount(member)
    others = len(site.values) - sizes
    moved = np.bincount(member, weights=site.values - site.values.mean()) / others
    return float((len(sizes) - 1) / len(sizes) * (moved**2).sum())
