"""Whether a model's limits keep at a site what they promise: the share of the frames in which a lesion is found.

An operating point is chosen so that of these frames `keep_share` keep a component that hits a lesion. At a hospital
that looks otherwise the model may be less sure of the same lesions, or sure of more that are none; then its limits have
to move, though the network needn't.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcdrl.metrics.bootstrap import Groups
from mcdrl.metrics.counts import Floats
from mcdrl.metrics.intervals import Sample, mean_interval, rate_interval
from mcdrl.metrics.operating_point import Judged, OperatingPoint

_DRAWS = 2000


@dataclass(frozen=True)
class Kept:
    """How many of the frames in which a lesion is found keep one, by which limits.

    Attributes:
        promised: the share that an operating point is chosen for, 0..1.
        before: by the model's own, 0..1; NaN where no lesion is found.
        low: lower end of its 95 % interval over groups; NaN with fewer than `LEAST_GROUPS`.
        high: upper end.
        after: by operating points that frames of other groups have chosen, 0..1.
        n: frames in which a lesion is found.
        n_groups: that they are of.
    """

    promised: float
    before: float
    low: float
    high: float
    after: float
    n: int
    n_groups: int

    @property
    def is_off(self) -> bool:
        """Whether the model's own limits surely don't keep what they promise, be it less or more."""
        return self.promised < self.low or self.promised > self.high

    @property
    def advised(self) -> bool:
        """Whether to take the new limits: the old ones are off, and the new ones come nearer to the promise."""
        return self.is_off and abs(self.after - self.promised) < abs(self.before - self.promised)


def kept_by(
    judged: Sequence[Judged], groups: Groups, before: Sequence[OperatingPoint], after: Sequence[OperatingPoint],
    promised: float,
) -> Kept:  # fmt: skip
    """Hold two operating points a frame against what they promise.

    Args:
        judged: what is called in each frame, [n].
        groups: the patient, sequence or scene of each, [n].
        before: the model's own, [n].
        after: chosen on frames of other groups, [n].
        promised: share of the frames in which a lesion is found that are to keep one.
    """
    found = np.array([bool(one.match.hits.any()) for one in judged], bool)
    was, now = (_keeps(judged, points)[found] for points in (before, after))
    if not len(was):
        return Kept(promised, math.nan, math.nan, math.nan, math.nan, 0, 0)
    sample = Sample(was, groups[found])
    share = float(was.mean())
    interval = mean_interval([sample], _DRAWS, np.random.default_rng(0), (0.0, 1.0))
    low, high = rate_interval(interval, share, sample.n_groups)
    return Kept(promised, share, low, high, float(now.mean()), len(was), sample.n_groups)


def _keeps(judged: Sequence[Judged], points: Sequence[OperatingPoint]) -> Floats:
    """Return whether a component that hits a lesion remains in each frame, [n], 0 or 1."""
    return np.array([
        float(one.match.hits[point.keeps(one.match.area_px, one.view_px, one.frame_score)].any())
        for one, point in zip(judged, points, strict=True)
    ])  # fmt: skip
