"""What adapting a model to a site brings there: cross-validation over the site's own groups, before and after.

Every frame is judged by networks that were adapted on frames of other groups alone, on the grid of the working size,
from the probability on from which a pixel counts as lesion in what is known of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcdrl.artifacts.frames import judged_of, lesion_of
from mcdrl.base.output import warn
from mcdrl.base.seeds import generator
from mcdrl.metrics.counts import Floats, Ints, count, dice
from mcdrl.metrics.intervals import DRAWS
from mcdrl.metrics.operating_point import Judged, OperatingPoint, choose
from mcdrl.metrics.paired import Comparison, Pairs, compare
from mcdrl.model.ensemble import Member
from mcdrl.model.held_out import UNSAID
from mcdrl.model.predictor import Answer
from mcdrl.training.adapt import LabelledFrames, answers
from mcdrl.training.checkpoint import snapshot
from mcdrl.training.site_limits import KeptLesions
from mcdrl.training.trust import Answers, Trust

Learn = Callable[[Member, LabelledFrames], object]
"""Adapts a model, in place, to frames of the new site."""
SCORES = ("dice", "sensitivity", "false_alarms")  # of the masks
SUPPRESSED = ("sensitivity_suppressed", "false_alarms_suppressed")  # of what the operating point leaves


@dataclass(frozen=True)
class Judgement:
    """What models say of frames, against the masks.

    Attributes:
        answers: what temperature, limit of confidence and operating point can be chosen by.
        scores: score -> [n] float: dice and sensitivity (share of the lesions that are found) of frames with a lesion,
            false_alarms (1: something is called) of those without one; NaN elsewhere.
    """

    answers: Answers
    scores: dict[str, Floats]

    def suppressed(self, points: Sequence[OperatingPoint]) -> dict[str, Floats]:
        """Return sensitivity and false alarms of what operating points, one a frame, leave; as in `scores`."""
        pairs = [_found(one, point) for one, point in zip(self.answers.judged, points, strict=True)]
        return dict(zip(SUPPRESSED, np.array(pairs).reshape(-1, 2).T, strict=True))


@dataclass(frozen=True)
class Change:
    """A score before and after.

    Attributes:
        before: mean over the frames, 0..1.
        after: likewise.
        by: their difference, with its interval over groups: patients, sequences, or scenes where nobody knows them.
    """

    before: float
    after: float
    by: Comparison


@dataclass(frozen=True)
class Gain:
    """What the cross-validation says.

    Attributes:
        folds: how many there were.
        scores: score -> what became of it.
        trust: temperature, limit of confidence and operating point, by frames that the adapted networks hadn't seen.
        kept: where limits alone were chosen, what they keep of what they promise; None: networks were adapted.
    """

    folds: int
    scores: dict[str, Change]
    trust: Trust
    kept: KeptLesions | None = None

    @property
    def advised(self) -> bool:
        """Whether to adapt."""
        return limits_help(self.kept, self.scores) if self.kept else helps(self.scores)


def judge(found: Iterable[Answer], frames: LabelledFrames, threshold: float = UNSAID) -> Judgement:
    """Hold answers against the frames' masks.

    Args:
        found: an answer a frame.
        frames: with masks.
        threshold: probability from which a pixel is lesion.
    """
    kept, overlaps = Answers(), []
    for answer, labels in zip(found, frames.masks, strict=True):
        p, truth, judged = answer.probability, lesion_of(labels), judged_of(labels)
        kept.add(p[None], truth[None], judged[None], np.array([answer.score(judged)]), threshold)
        overlaps.append(float(dice(count((p >= threshold)[None], truth[None], judged[None]))[0]))
    whole = np.array([_found(one, OperatingPoint()) for one in kept.judged]).reshape(-1, 2)
    return Judgement(kept, dict(zip(SCORES, (np.array(overlaps), *whole.T), strict=True)))


def folds(frames: LabelledFrames, most: int, seed: int) -> Ints:
    """Return the fold of each frame, [n]: groups stay whole, and those with a lesion are dealt out first.

    Args:
        frames: of two groups at least.
        most: folds; fewer where there are fewer groups.
        seed: of the order in which groups are dealt out.
    """
    names, member = np.unique(frames.groups, return_inverse=True)
    without = np.bincount(member, weights=frames.has_lesion) == 0
    order = np.lexsort((generator("adapt", seed, "folds").permutation(len(names)), without))
    fold = np.empty(len(names), np.int64)
    fold[order] = np.arange(len(names)) % min(most, len(names))
    return fold[member]


def cross_validated(
    learn: Learn, members: Sequence[Member], frames: LabelledFrames, fold: Ints, further_px: Sequence[int] = (),
    threshold: float = UNSAID,
) -> Judgement:  # fmt: skip
    """Judge each fold by models that were adapted to the others; the members are left as they were.

    Args:
        learn: adapts one of them.
        members: models that answer together.
        frames: of the new site.
        fold: of each frame.
        further_px: sizes at which they are asked beside the working size.
        threshold: as that of `judge`.
    """
    starts = [snapshot(member.model.method) for member in members]
    found: dict[int, Answer] = {}
    for number in range(int(fold.max()) + 1):
        warn(f"fold {number + 1}/{fold.max() + 1}")
        for member in members:
            learn(member, frames.take(fold != number))
        places = np.flatnonzero(fold == number).tolist()
        found |= dict(zip(places, answers(members, frames.take(fold == number), further_px), strict=True))
        for member, start in zip(members, starts, strict=True):
            member.model.method.load_state_dict(start)
    return judge((found[place] for place in range(len(frames))), frames, threshold)


def points(judgement: Judgement, fold: Ints, keep_share: float) -> list[OperatingPoint]:
    """Return for each frame the operating point that the other folds' frames choose."""
    judged = judgement.answers.judged
    chosen = [
        choose([one for one, at in zip(judged, fold, strict=True) if at != number], keep_share)
        for number in range(int(fold.max()) + 1)
    ]
    return [chosen[number] for number in fold]


def changes(before: dict[str, Floats], after: dict[str, Floats], groups: NDArray[np.str_]) -> dict[str, Change]:
    """Return what became of each score that is defined somewhere; pairs are the frames."""
    places = {name: np.isfinite(score) for name, score in after.items()}
    return {name: _change(before[name][at], after[name][at], groups[at]) for name, at in places.items() if at.any()}


def helps(found: dict[str, Change]) -> bool:
    """Return whether to adapt: Dice is better for sure, and no more frames without a lesion are alarmed than before."""
    alarms = found.get("false_alarms")
    return found["dice"].by.low > 0 and (alarms is None or alarms.by.difference <= 0)


def limits_help(kept: KeptLesions, found: dict[str, Change]) -> bool:
    """Return whether to take new limits: the old ones lose too much, or the new ones call less and keep enough.

    Too much and less are for sure, enough isn't: as many as promised, as far as the frames can tell.
    """
    alarms = found.get("false_alarms_suppressed")
    return kept.mends or (kept.holds and alarms is not None and alarms.by.high < 0)


def _change(before: Floats, after: Floats, groups: NDArray[np.str_]) -> Change:
    by = compare([Pairs((after - before)[None], groups)], DRAWS, np.random.default_rng(0))
    return Change(float(before.mean()), float(after.mean()), by)


def _found(one: Judged, point: OperatingPoint) -> tuple[float, float]:
    """Return the share of a frame's lesions that are found, and whether one is called where there is none; or NaN."""
    kept = point.keeps(one.match.area_px, one.view_px, one.frame_score)
    if len(one.match.lesion_area_px):
        return float(one.match.hits[kept].any(axis=0).mean()), np.nan
    return np.nan, float(kept.any())
