"""Whether what a model does at a new site is what it was promised to do there.

The promise is the model's mean Dice at each of k sites that it had not seen. A new site is one more draw of such sites,
so its mean is expected in Student's 95 % prediction interval m ± t(k - 1) s √(1 + 1/k), m and s being mean and standard
deviation of the k; fewer than `LEAST_SITES` sites say nothing of how far others may be off, so that there is no
verdict. What was found is known to its own 95 % interval over patients or frames only. So it is worse than promised
where all of that interval lies below the expected range, better where all of it lies above, undecided where the range's
lower end lies within it, and else as promised. A range that reaches down to 0 is kept by any outcome, however few the
patients or frames, so that it promises nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mcdrl.metrics.intervals import LEAST_GROUPS, t_reach

LEAST_SITES = 3  # from which on a spread over sites is taken


class Verdict(StrEnum):
    """What was found, held against what was promised."""

    AS_PROMISED = "as promised"
    WORSE = "worse than promised"
    BETTER = "better than promised"
    TOO_FEW = "too few frames to say"
    TOO_FEW_SITES = "too few sites were left out to say"
    TOO_WIDE = "no outcome could be worse than such a promise"
    NO_PROMISE = "no promise to hold it against"


@dataclass(frozen=True)
class ExpectedDice:
    """Where the mean Dice of a new site is expected, within 0..1.

    Attributes:
        mean: over the sites that were left out.
        low: lower end of the range.
        high: upper end.
        n_sites: that it rests on.
        predicted: whether the range is a prediction interval; else it is from the lowest to the highest site.
    """

    mean: float
    low: float
    high: float
    n_sites: int
    predicted: bool


@dataclass(frozen=True)
class FoundDice:
    """A mean Dice over frames, and how well it is known.

    Attributes:
        mean: NaN: there is no frame with a lesion.
        low: lower end of its 95 % interval; NaN: it has none.
        high: upper end.
        n_groups: patients or sequences, else frames, that it is over.
    """

    mean: float
    low: float
    high: float
    n_groups: int


def expected(sites: Sequence[float]) -> ExpectedDice | None:
    """Return where a new site is expected, given the mean Dice of sites that were left out; None: there is none."""
    if not len(sites):
        return None
    mean, n = float(np.mean(sites)), len(sites)
    if n < LEAST_SITES:
        return ExpectedDice(mean, float(min(sites)), float(max(sites)), n, predicted=False)
    reach = t_reach(n - 1) * float(np.std(sites, ddof=1)) * math.sqrt(1 + 1 / n)
    return ExpectedDice(mean, max(mean - reach, 0.0), min(mean + reach, 1.0), n, predicted=True)


def judge(promised: ExpectedDice | None, found: FoundDice) -> Verdict:
    """Hold what was found against what was promised; None: nothing was."""
    if promised is None or not promised.predicted:
        return Verdict.NO_PROMISE if promised is None else Verdict.TOO_FEW_SITES
    kept_by_all = promised.low <= 0
    if not math.isfinite(found.low):
        return Verdict.TOO_WIDE if kept_by_all and math.isfinite(found.mean) else Verdict.TOO_FEW
    if found.high < promised.low:
        return Verdict.WORSE
    if found.low > promised.high:
        return Verdict.BETTER
    if kept_by_all:
        return Verdict.TOO_WIDE
    return Verdict.TOO_FEW if found.low < promised.low else Verdict.AS_PROMISED


def more_groups(promised: ExpectedDice, found: FoundDice) -> float:
    """Return about how many more groups would decide, where they are too few: an interval narrows with their root.

    Infinite where what was found lies on the border itself; NaN where there is no frame with a lesion.
    """
    if not math.isfinite(found.mean):
        return float("nan")
    if not math.isfinite(found.low):
        return max(LEAST_GROUPS - found.n_groups, 1)
    below = found.mean < promised.low
    gap, reach = abs(found.mean - promised.low), found.high - found.mean if below else found.mean - found.low
    return math.ceil(found.n_groups * ((reach / gap) ** 2 - 1)) if gap else float("inf")
