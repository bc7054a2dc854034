"""How well a score of whole frames tells those with a lesion from those without one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mcdrl.metrics.auroc import auroc
from mcdrl.metrics.bootstrap import CELLS_AT_ONCE, Groups, interval
from mcdrl.metrics.counts import Bools, Floats, Ints
from mcdrl.metrics.intervals import LEAST_GROUPS, LEVEL, MANY_GROUPS, NONE, t_reach


def auroc_interval(
    seeds: Floats, positive: Bools, groups: Groups, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the 95 % interval over groups of the mean over seeds of the AUROC, as in `mcdrl.metrics.intervals`.

    Args:
        seeds: [K, n] float, the scores of the frames, a row a seed.
        positive: [n] bool, the frames with a lesion.
        groups: [n], the patient or sequence of each frame.
        draws: bootstrap samples, where both kinds of frames come from `MANY_GROUPS`.
        rng: where those come from.

    Returns:
        Low and high; NaN where a kind comes from fewer than `LEAST_GROUPS`, or no group makes a difference.
    """
    fewest = fewest_groups(positive, groups)
    if fewest < LEAST_GROUPS:
        return NONE
    _, member = np.unique(groups, return_inverse=True)
    n_groups = int(member.max()) + 1
    step = max(1, CELLS_AT_ONCE // len(member))
    if fewest < MANY_GROUPS:
        counts = (1 - _unit_rows(n_groups, start, step) for start in range(0, n_groups, step))
        return _jackknife(_values(seeds, positive, member, counts), _mean_auroc(seeds, positive, None)[0], fewest)
    even, sizes = np.full(n_groups, 1 / n_groups), (min(step, draws - start) for start in range(0, draws, step))
    found = _values(seeds, positive, member, (rng.multinomial(n_groups, even, size) for size in sizes))
    found = found[np.isfinite(found)]
    return interval(found, LEVEL) if np.ptp(found) else NONE


def fewest_groups(positive: Bools, groups: Groups) -> int:
    """Return of how many groups the frames come, of the kind (with a lesion, without) that comes from fewer."""
    return min(len(set(groups[kind].tolist())) for kind in (positive, ~positive))


def limit_at(scores: Floats, sensitivity: float) -> float:
    """Return the highest limit that a stated share of the scores reaches; NaN where there is none.

    Args:
        scores: [n] float, of frames with a lesion.
        sensitivity: the share, above 0.
    """
    if not len(scores):
        return float("nan")
    return float(np.sort(scores)[len(scores) - int(np.ceil(sensitivity * len(scores) - 1e-9))])


def false_alarms_at(scores: Floats, positive: Bools, sensitivity: float) -> float:
    """Return the share of the frames without a lesion that are called where a stated share of the others is.

    Args:
        scores: [n] float.
        positive: [n] bool, the frames with a lesion.
        sensitivity: the share of these, above 0.

    Returns:
        0..1; NaN where one of the two kinds is missing.
    """
    limit = limit_at(scores[positive], sensitivity)
    return float(np.mean(scores[~positive] >= limit)) if positive.any() and not positive.all() else float("nan")


def _values(seeds: Floats, positive: Bools, member: Ints, counts: Iterable[Ints]) -> Floats:
    """Return the AUROC of samples, given how often each holds each group: chunks of [W, G]."""
    return np.concatenate([_mean_auroc(seeds, positive, part[:, member]) for part in counts])


def _unit_rows(count: int, start: int, step: int) -> Ints:
    """Return some rows of the identity matrix, [at most `step`, count]."""
    return np.eye(min(step, count - start), count, start, dtype=np.int64)


def _mean_auroc(seeds: Floats, positive: Bools, weights: Ints | None) -> Floats:
    found: Floats = np.mean([auroc(scores, positive, weights) for scores in seeds], axis=0)
    return found


def _jackknife(without: Floats, whole: float, fewest: int) -> tuple[float, float]:
    """Return Student's interval of a share from the values with one group left out each, [G]."""
    n = len(without)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    if not error > 0:
        return NONE
    reach = t_reach(fewest - 1) * error
    return max(float(whole - reach), 0.0), min(float(whole + reach), 1.0)
