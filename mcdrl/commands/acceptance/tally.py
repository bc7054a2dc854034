"""Frame by frame: what a model says, and how right it is. Keeps rows and sums, and the pixels of few frames."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mcdrl.artifacts.frames import judged_of, lesion_of
from mcdrl.base.parallel import batches
from mcdrl.commands.acceptance.rows import CaseRow, table
from mcdrl.commands.models.labelled import LabelledFrame
from mcdrl.commands.models.unlabelled import UnlabelledFrame
from mcdrl.imaging.profile import measure
from mcdrl.metrics.calibration import LOG_ODDS, spectrum
from mcdrl.metrics.counts import Bools, count, dice
from mcdrl.metrics.registry import FRAME_METRICS
from mcdrl.metrics.reliability import called, reliability
from mcdrl.model.detections import Detections
from mcdrl.model.native import Native
from mcdrl.model.score import matches, score

if TYPE_CHECKING:
    from mcdrl.model.predictor import Answer, Assessment, Predictor

Frame = LabelledFrame | UnlabelledFrame
_COUNTS = ("tp", "fp", "fn", "tn")
_KEPT = 12  # frames of a kind whose pixels are kept


@dataclass(frozen=True, eq=False)
class Example:
    """A frame that the page shows.

    Attributes:
        row: what is known of it.
        image: [S, S, 3] uint8, as the model is shown it.
        truth: [S, S] bool; None: nobody has annotated it.
        probability: [S, S] float32, of lesion.
    """

    row: CaseRow
    image: NDArray[np.uint8]
    truth: Bools | None
    probability: NDArray[np.float32]


@dataclass
class Worst:
    """The frames of one kind with the lowest figure; of equal ones the first."""

    _heap: list[tuple[float, int, Example]] = field(default_factory=list)
    _seen: int = 0

    def add(self, figure: float, example: Example) -> None:
        """Take a frame; it is kept while it is among the lowest."""
        self._seen += 1
        heapq.heappush(self._heap, (-figure, -self._seen, example))
        if len(self._heap) > _KEPT:
            heapq.heappop(self._heap)

    def examples(self) -> list[Example]:
        """Return the frames, the lowest first."""
        return [example for _, _, example in sorted(self._heap, key=lambda one: one[:2], reverse=True)]


class Tally:
    """Gathers what a model says of frames, and how right it is where they are annotated.

    Attributes:
        worst: frames with a lesion and the lowest Dice.
        alarms: frames without a lesion, the largest area called first.
        doubtful: frames that nobody has annotated, the least confidence first.
    """

    def __init__(self, predictor: Predictor, threshold: float, tolerance_px: float) -> None:
        """Take the models, the probability from which a pixel is lesion, and the tolerance of the NSD."""
        self._predictor, self._threshold, self._tolerance_px = predictor, threshold, tolerance_px
        self._rows: list[CaseRow] = []
        self._scores: dict[str, list[float]] = {}
        self._lesion, self._pixels = np.zeros((2, len(LOG_ODDS)), np.int64)
        self._found = Detections(predictor.operating_point)
        self.worst, self.alarms, self.doubtful = Worst(), Worst(), Worst()

    def add(self, frame: Frame, answer: Answer) -> None:
        """Take a frame and what the models say of it."""
        assessment = self._predictor.assess(answer)
        mask = frame.shown.lesion(answer.probability, self._threshold)
        kept = self._predictor.operating_point.kept(mask, frame.shown.area_px, assessment.frame_score)
        row = _said(frame, assessment, mask, kept)
        for name, value in assessment.confounder_scores.items():
            self._scores.setdefault(name, []).append(value)
        if isinstance(frame, LabelledFrame):
            self._judge(frame, answer, assessment, row, kept)
            return
        self._rows.append(row)
        self.doubtful.add(assessment.confidence, Example(row, frame.shown.pixels, None, answer.probability))

    def cases(self) -> pd.DataFrame:
        """Return a row a frame, as `CaseRow` has it."""
        return table(self._rows)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """A row a lesion and a false positive, as in `FINDINGS`; `case_id` is the frame's file."""
        return self._found.findings()

    def confounder_scores(self) -> dict[str, NDArray[np.float64]]:
        """Return confounder -> [n], standard deviations above the training frames' mean; empty: no model knows."""
        return {name: np.array(values) for name, values in self._scores.items()}

    def bins(self, *, after: bool, called_only: bool = False) -> pd.DataFrame:
        """Return the bins of `reliability`.

        Args:
            after: with the calibrated probabilities rather than with those of the network.
            called_only: of the pixels that are called lesion.
        """
        lesion, pixels = self._lesion, self._pixels
        if called_only:
            lesion, pixels = called(lesion, self._threshold), called(pixels, self._threshold)
        return reliability(lesion, pixels, self._predictor.temperature if after else 1.0)

    def _judge(self, frame: LabelledFrame, answer: Answer, assessment: Assessment, row: CaseRow, kept: Bools) -> None:
        truth, judged = lesion_of(frame.labels), judged_of(frame.labels)
        native = Native(frame.lesion, frame.shown.box, ~frame.ignored)
        found = answer.probability[None]
        scores = score(found, [native], self._threshold, self._tolerance_px)
        (match,) = matches(found, [native], self._threshold)
        frame_score = answer.score(judged)
        self._found.add([frame.file], [match], [native.view_px], np.array([frame_score]))
        left = self._predictor.operating_point.keeps(match.area_px, native.view_px, assessment.frame_score)
        self._count(answer.probability, truth, judged)
        measured: dict[str, Any] = {name: int(scores[name].iloc[0]) for name in _COUNTS}
        measured |= {name: float(scores[name].iloc[0]) for name in FRAME_METRICS}
        judged_row = replace(
            row,
            frame_score=frame_score,
            group=frame.group,
            lesion_class=frame.lesion_class,
            lesion_share=float(native.truth.mean()) if frame.lesion_class else None,
            **measured,
            lesions=len(match.lesion_area_px),
            lesions_found=int(match.hits.any(axis=0).sum()),
            false_positives=int(match.false.sum()),
            dice_suppressed=float(dice(count(kept[None], native.truth[None], ~frame.ignored[None]))[0]),
            lesions_found_suppressed=int((match.hits & left[:, None]).any(axis=0).sum()),
            false_positives_suppressed=int((match.false & left).sum()),
        )
        self._rows.append(judged_row)
        self._show(judged_row, Example(judged_row, frame.shown.pixels, truth, answer.probability))

    def _count(self, probability: NDArray[np.float32], truth: Bools, judged: Bools) -> None:
        self._lesion += spectrum(probability[truth][None])[0]
        self._pixels += spectrum(probability[judged][None])[0]

    def _show(self, row: CaseRow, example: Example) -> None:
        if row.lesion_class is not None:
            self.worst.add(_number(row.dice), example)
        elif row.fp:
            self.alarms.add(-_number(row.called_share), example)


def answered(frames: Iterable[Frame], predictor: Predictor) -> Iterator[tuple[Frame, Answer]]:
    """Yield each frame with what the models say of it; they are given full batches but for the last."""
    for batch in batches(frames, predictor.batch_size):
        yield from zip(batch, predictor(np.stack([frame.shown.pixels for frame in batch])), strict=True)


def _said(frame: Frame, assessment: Assessment, mask: Bools, kept: Bools) -> CaseRow:
    width, height = frame.shown.size
    looks: dict[str, Any] = measure(frame.shown.pixels)
    return CaseRow(
        frame.file, width_px=width, height_px=height, view_share=frame.shown.area_px / (width * height),
        called_share=float(mask.mean()), lesion="yes" if kept.any() else "no", frame_score=assessment.frame_score,
        confidence=assessment.confidence, flagged="yes" if assessment.flagged or frame.shown.doubtful else "no",
        confounders="; ".join(assessment.seen), **looks,
    )  # fmt: skip


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
