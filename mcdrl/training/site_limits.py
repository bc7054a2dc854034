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
from mcdrl.metrics.intervals import DRAWS, SHARE, Sample, mean_interval, rate_interval
from mcdrl.metrics.operating_point import Judged, OperatingPoint


@dataclass(frozen=True)
class Share:
    """Of so many frames one keeps a lesion that is found.

    Attributes:
        mean: 0..1; NaN where no lesion is found.
        low: lower end of its 95 % interval over groups; NaN with fewer than `LEAST_GROUPS`.
        high: upper end.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class KeptLesions:
    """How many of the frames in which a lesion is found keep one, by which limits.

    Attributes:
        promised: the share that an operating point is chosen to keep at least, 0..1.
        before: by the model's own.
        after: by operating points that frames of other groups have chosen.
        n: frames in which a lesion is found.
        n_groups: that they are of.
    """

    promised: float
    before: Share
    after: Share
    n: int
    n_groups: int

    @property
    def loses(self) -> bool:
        """Whether the model's own limits surely lose more than they promise."""
        return self.before.high < self.promised

    @property
    def mends(self) -> bool:
        """Whether they do, and the new ones lose fewer."""
        return self.loses and self.after.mean > self.before.mean

    @property
    def holds(self) -> bool:
        """Whether the new ones may keep what is promised."""
        return self.after.high >= self.promised


def kept_by(
    judged: Sequence[Judged], groups: Groups, before: Sequence[OperatingPoint], after: Sequence[OperatingPoint],
    promised: float,
) -> KeptLesions:  # fmt: skip
    """Hold two operating points a frame against what they promise.

    Args:
        judged: what is called in each frame, [n].
        groups: the patient, sequence or scene of each, [n].
        before: the model's own, [n].
        after: chosen on frames of other groups, [n].
        promised: share of the frames in which a lesion is found that are to keep one.
    """
    found = np.array([bool(one.match.hits.any()) for one in judged], bool)
    was, now = (_share(_keeps(judged, points)[found], groups[found]) for points in (before, after))
    return KeptLesions(promised, was, now, int(found.sum()), len(set(groups[found].tolist())))


def _share(keeps: Floats, groups: Groups) -> Share:
    if not len(keeps):
        return Share(math.nan, math.nan, math.nan)
    sample, mean = Sample(keeps, groups), float(keeps.mean())
    interval = mean_interval([sample], DRAWS, np.random.default_rng(0), SHARE)
    return Share(mean, *rate_interval(interval, mean, sample.n_groups))


def _keeps(judged: Sequence[Judged], points: Sequence[OperatingPoint]) -> Floats:
    """Return whether a component that hits a lesion remains in each frame, [n], 0 or 1."""
    return np.array([
        float(one.match.hits[point.keeps(one.match.area_px, one.view_px, one.frame_score)].any())
        for one, point in zip(judged, points, strict=True)
    ])  # fmt: skip
