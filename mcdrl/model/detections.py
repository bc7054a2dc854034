"""Which lesions are found, what is called beside them, and what the operating point leaves of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from mcdrl.artifacts.scores import ALARMS, FINDINGS, own_columns
from mcdrl.metrics.counts import Bools, Floats
from mcdrl.metrics.detection import Match
from mcdrl.metrics.operating_point import OperatingPoint

_Finding = tuple[str, str, int, float, float, float, bool]


class Detections:
    """Gathers what was found, frame by frame; keeps rows, no pixels."""

    def __init__(self, operating_point: OperatingPoint) -> None:
        """Take what a frame has to reach to have a lesion."""
        self._point = operating_point
        self._findings: list[_Finding] = []
        self._alarms: list[tuple[str, float, bool, int]] = []

    def add(self, case_ids: Sequence[str], matches: Iterable[Match], views_px: Sequence[int], scores: Floats) -> None:
        """Take B frames.

        Args:
            case_ids: "<site>/<file stem>".
            matches: what is called in each against its lesions, at its own size.
            views_px: pixels of each frame's view, at that size.
            scores: [B], of the frames.
        """
        for case_id, match, view_px, score in zip(case_ids, matches, views_px, scores.tolist(), strict=True):
            kept = self._point.keeps(match.area_px, view_px, score)
            self._findings += [(case_id, *row) for row in _findings(match, kept, view_px)]
            self._alarms.append((case_id, score, bool(kept.any()), int(match.area_px[kept].sum())))

    def findings(self) -> pd.DataFrame:
        """Return a row a lesion and a false positive, as in `FINDINGS`."""
        return pd.DataFrame(self._findings, columns=own_columns(FINDINGS))

    def alarms(self) -> pd.DataFrame:
        """Return a row a frame, as in `ALARMS`."""
        return pd.DataFrame(self._alarms, columns=own_columns(ALARMS))


def _findings(match: Match, kept: Bools, view_px: int) -> Iterator[tuple[str, int, float, float, float, bool]]:
    """Yield kind, number, area_share, score, best_iou and kept of a frame's lesions, then of its false positives."""
    left = np.asarray((match.hits & kept[:, None]).any(axis=0))
    best = match.iou.max(axis=0, initial=0.0), match.iou.max(axis=1, initial=0.0)
    lesions = match.lesion_area_px / view_px, match.found_at, best[0], left
    for number, row in enumerate(zip(*(column.tolist() for column in lesions), strict=True)):
        yield ("lesion", number, *row)
    false = (column[match.false].tolist() for column in (match.area_px / view_px, match.score, best[1], kept))
    for number, row in enumerate(zip(*false, strict=True)):
        yield ("false", number, *row)
