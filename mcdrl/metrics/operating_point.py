"""Where a model says "no lesion": a score of the whole frame, a least area of a component, and limits for both.

Both are of what the model sees of a frame, the view that was brought to working size, so that they mean the same in
training and at every frame's own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcdrl.metrics.calibration import LOG_ODDS, Probabilities, Spectra, calibrated_log_odds, spectrum
from mcdrl.metrics.counts import Bools, Floats
from mcdrl.metrics.detection import Match, components

HIGHEST_SHARE = 0.01  # of the pixels, whose mean probability is the score; a presence head looks at as many
LOST_BY_AREA = 0.01  # of the frames in which a lesion is found: no more may go by area alone, which takes small lesions


@dataclass(frozen=True)
class OperatingPoint:
    """What has to be reached for a frame to have a lesion.

    Attributes:
        frame_score: below it a frame has none, 0..1; 0: every frame may have one.
        area_share: components below this share of the view's area are none, 0..1; 0: all count.
    """

    frame_score: float = 0.0
    area_share: float = 0.0

    def keeps(self, area_px: NDArray[Any], view_px: int, frame_score: float) -> Bools:
        """Return which components of a frame count as a lesion, [C].

        Args:
            area_px: [C], of each.
            view_px: pixels of the view, at the size that the areas are of.
            frame_score: of the frame.
        """
        return np.asarray((area_px / view_px >= self.area_share) & (frame_score >= self.frame_score))

    def kept(self, called: Bools, view_px: int, frame_score: float) -> Bools:
        """Return a mask, [H, W], without what doesn't count as a lesion; arguments as for `keeps`."""
        labels, count = components(called)
        area_px = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        counts = np.concatenate([[False], self.keeps(area_px, view_px, frame_score)])
        found: Bools = counts[labels]
        return found


@dataclass(frozen=True)
class Judged:
    """A frame as the choice of an operating point takes it.

    Attributes:
        match: what is called in it against its lesions.
        view_px: pixels of the view.
        frame_score: of the frame.
    """

    match: Match
    view_px: int
    frame_score: float


def frame_scores(spectra: Spectra, presence: NDArray[Any] | None = None) -> Floats:
    """Return how much each frame looks as if it had a lesion, [B] in 0..1.

    It is what a presence head says of the frame, where the model has one, else the mean of the likeliest percent of its
    pixels.

    Args:
        spectra: [B, L], of whole frames, or of what was judged of them; see `mcdrl.metrics.calibration`.
        presence: [B], the probability that a presence head gives each; None: there is none.
    """
    if presence is not None:
        return np.asarray(presence, np.float64)
    p = calibrated_log_odds(LOG_ODDS, 1.0)[::-1]
    total = spectra.sum(axis=1, keepdims=True)
    wanted = np.maximum(np.ceil(HIGHEST_SHARE * total), 1)  # of a frame without a pixel the score is 0
    reached = np.minimum(np.cumsum(spectra[:, ::-1], axis=1), wanted)
    taken = np.diff(reached, axis=1, prepend=0)
    scores: Floats = (taken @ p) / wanted[:, 0]
    return scores


def scores_of_judged(
    spectra: Spectra, probability: Probabilities, judged: Bools, presence: NDArray[Any] | None = None
) -> Floats:
    """Return the `frame_scores` by the pixels that somebody has judged; a presence head's are of whole frames.

    Args:
        spectra: [B, L], of whole frames, which do where all of them was judged.
        probability: [B, H, W], that they are of, 0..1.
        judged: [B, H, W], where the mask says lesion or background.
        presence: [B], as for `frame_scores`.
    """
    return frame_scores(spectra if judged.all() else spectrum(probability, judged), presence)


def joint_scores(parts: Sequence[tuple[Probabilities, NDArray[Any] | None]], judged: Bools) -> Floats:
    """Return the scores of frames by what several models say, [B] in 0..1: the mean of each one's.

    A model's limit is of its own maps. Of their mean the likeliest percent is never surer than in the mean over the
    models, so that its score would fall below the mean of the limits in more frames than any of them gives up.

    Args:
        parts: of each model, [B, H, W], the probability of lesion, 0..1, and [B], what its presence head says; None:
            it has none.
        judged: as for `scores_of_judged`.
    """
    each = [scores_of_judged(spectrum(p), p, judged, presence) for p, presence in parts]
    mean: Floats = np.mean(each, axis=0)
    return mean


def choose(frames: Sequence[Judged], keep_share: float) -> OperatingPoint:
    """Return the operating point with the fewest false positives among those that keep enough of what was found.

    Args:
        frames: all that it is chosen on, with and without a lesion.
        keep_share: of the frames in which a component hits a lesion: in at least so many one has to remain that does.
            Of those that may go, `LOST_BY_AREA` at most go by the least area.

    Returns:
        Of several the one with the least area; one that keeps everything where nothing is to be gained or to be kept.
    """
    whole = OperatingPoint()
    found = [(_largest_hit(one), one.frame_score) for one in frames if one.match.hits.any()]
    false = [_false(one) for one in frames]
    if not found:
        return whole
    area, score = np.array(found).T
    needed = max(int(np.ceil(keep_share * len(area) - 1e-9)), 1)
    lost = min(int(LOST_BY_AREA * len(area) + 1e-9), len(area) - needed)
    areas = [0.0, *np.sort(area)[: lost + 1].tolist()]
    points = [whole, *(OperatingPoint(float(np.sort(score[area >= least])[-needed]), least) for least in areas)]
    false_area, false_score = np.concatenate(false, axis=1)
    left = [int(((false_area >= one.area_share) & (false_score >= one.frame_score)).sum()) for one in points]
    return points[int(np.argmin(left))]


def _largest_hit(one: Judged) -> float:
    """Return the area of the largest component that hits a lesion, as a share of the view."""
    return float(one.match.area_px[one.match.hits.any(axis=1)].max() / one.view_px)


def _false(one: Judged) -> Floats:
    """Return area as a share of the view, and the frame's score, of each component that hits no lesion, [2, F]."""
    area = one.match.area_px[one.match.false] / one.view_px
    return np.stack([area, np.full(len(area), one.frame_score)])
