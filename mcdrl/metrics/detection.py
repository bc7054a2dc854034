"""Lesions found and false alarms: what is called, component by component, against what is there.

A component is what hangs together in a mask, corners included. One that is called hits a lesion where their
intersection over union is at least `HIT_IOU`, as in nnDetection (Baumgartner et al., MICCAI 2021): it points a person
to the place, however well it outlines it. What hits no lesion is a false positive. Several that hit one lesion find it
once and are no false positives, as in LUNA16 and CAMELYON16; one that hits two lesions finds both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import label

from mcdrl.metrics.boxes import box_around
from mcdrl.metrics.counts import Bools, Floats, Ints

HIT_IOU = 0.1
SPECK_SHARE = 1e-4  # of the frame: true components below it are slips of the pen, see docs/explanation/protocol.md
_WITH_CORNERS = np.ones((3, 3), int)
Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Match:
    """The C components that are called in a frame against its L lesions.

    Attributes:
        iou: [C, L] float, 0..1.
        area_px: [C] int64, of what is called.
        score: [C] float, mean probability of lesion inside what is called, 0..1.
        lesion_area_px: [L] int64.
    """

    iou: Floats
    area_px: Ints
    score: Floats
    lesion_area_px: Ints

    @property
    def hits(self) -> Bools:
        """Which component hits which lesion, [C, L]."""
        return np.asarray(self.iou >= HIT_IOU)

    @property
    def false(self) -> Bools:
        """Which components hit no lesion, [C]."""
        return np.asarray(~self.hits.any(axis=1))

    @property
    def found_at(self) -> Floats:
        """The highest score of the components that hit each lesion, [L]; NaN where none does."""
        best = np.where(self.hits, self.score[:, None], -1.0).max(axis=0, initial=-1.0)
        return np.where(best < 0, np.nan, best)


def components(mask: Bools) -> tuple[Labels, int]:
    """Return the components of a mask: [H, W] int32, 0 outside and 1..N inside, and N."""
    labels, count = label(mask, _WITH_CORNERS)
    return labels, int(count)


def match(probability: NDArray[np.float32], called: Bools, truth: Bools, judged: Bools | None = None) -> Match:
    """Compare what is called in a frame with its lesions.

    A component is cut to what was judged, and stays one. Where most of it wasn't and none of it is on a lesion, nobody
    knows whether it is right, and it is left out.

    Args:
        probability: [H, W] float32, of lesion, 0..1.
        called: [H, W] bool, what is called lesion.
        truth: [H, W] bool; specks beside a larger lesion are none, see `SPECK_SHARE`.
        judged: [H, W] bool, the pixels that count; None: all of them.
    """
    box = box_around(called | truth)
    ours, n_ours = components(called[box])
    theirs, lesion_area = _without_specks(truth[box], SPECK_SHARE * truth.size)
    if judged is not None and not judged[box].all():
        ours, n_ours = _counting(ours, n_ours, truth[box], judged[box])
    inside, shape = ours > 0, (n_ours, len(lesion_area) + 1)
    which = ours[inside] - 1
    pairs = np.bincount(which * shape[1] + theirs[inside], minlength=shape[0] * shape[1]).reshape(shape)
    mass = np.bincount(which, weights=probability[box][inside], minlength=n_ours)
    area, overlap = pairs.sum(axis=1), pairs[:, 1:]
    return Match(overlap / (area[:, None] + lesion_area - overlap), area, mass / area, lesion_area)


def _counting(labels: Labels, count: int, truth: Bools, judged: Bools) -> tuple[Labels, int]:
    """Return the components that count, cut to what was judged, as `components` does."""
    whole, known, on_lesion = (
        np.bincount(labels[where], minlength=count + 1) for where in (np.ones_like(judged), judged, truth)
    )
    kept = (2 * known >= whole) | (on_lesion > 0)
    kept[0] = False
    return np.where(judged, np.where(kept, np.cumsum(kept), 0).astype(np.int32)[labels], 0), int(kept.sum())


def froc(lesion_scores: Floats, false_scores: Floats, n_frames: int) -> pd.DataFrame:
    """Return the free-response curve: what is found, against what is called in vain, as the limit of the score falls.

    Args:
        lesion_scores: [L], the highest score of the components that hit each lesion; NaN where none does.
        false_scores: [F], the score of each component that hits none.
        n_frames: all frames, those without a lesion, too.

    Returns:
        A row a limit, from the highest: limit (components from it on count; infinite: none does), false_positives (a
        frame), sensitivity (share of the lesions; NaN where there is none). The last one is where all components count.
    """
    found = np.sort(lesion_scores[np.isfinite(lesion_scores)])
    false = np.sort(false_scores)
    limits = np.concatenate([[np.inf], np.unique(np.concatenate([found, false]))[::-1]])
    n_found, n_false = (len(some) - np.searchsorted(some, limits) for some in (found, false))
    sensitivity = n_found / len(lesion_scores) if len(lesion_scores) else np.full(len(limits), np.nan)
    return pd.DataFrame({"limit": limits, "false_positives": n_false / max(n_frames, 1), "sensitivity": sensitivity})


def sensitivity_at(curve: pd.DataFrame, false_positives: float) -> float:
    """Return the sensitivity that a free-response curve reaches with at most so many false positives a frame."""
    return float(curve.loc[curve["false_positives"] <= false_positives, "sensitivity"].max())


def _without_specks(truth: Bools, least_px: float) -> tuple[Labels, Ints]:
    """Return the lesions, [H, W] int32, 0 outside and 1..L inside, and their areas [L]; the largest is no speck."""
    labels, count = components(truth)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    area[0] = 0
    kept = area >= min(max(least_px, 1), max(area.max(), 1))
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)[labels], area[kept]
