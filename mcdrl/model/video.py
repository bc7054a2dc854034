"""A video before a model: looked through once for its view and its end, then answered frame by frame.

The endoscopic view is one box for all of a video: what is found in single frames moves by pixels from frame to frame,
and by a tenth of the picture where a frame is dark or blurred. It is the median over frames from all of the video,
eight and more, so that such frames are outvoted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import repeat, takewhile
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.base.issues import RefusedError
from mcdrl.base.parallel import ahead, batches
from mcdrl.base.view_rule import ViewRule
from mcdrl.imaging.decode import swapped, view_of
from mcdrl.imaging.video.frames import TimedFrame, Video
from mcdrl.model.predictor import Answer, ModelAnswer, Predictor
from mcdrl.model.shown import ShownFrame, show
from mcdrl.view import Box

Array = np.ndarray[Any, np.dtype[Any]]
_SAMPLES = 8  # frames at least that the view is looked for in, of a video that has so many
_NEAR = 0.02  # of the frame's side, by which a frame's view may differ from the video's
_STEADY = 0.75  # of the samples whose view is near that of the video


@dataclass(frozen=True)
class VideoSurvey:
    """What was found when a video was looked through.

    Attributes:
        frames: that can be read.
        view: what of each is looked at.
        problem: why there are no more of them; empty: nothing is known to be missing.
        issues: what is odd about the video; empty: nothing.
        doubts: why that view may be the wrong one, by most of the frames that it was looked for in.
    """

    frames: int
    view: ViewRule
    problem: str
    issues: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered:
    """A frame with what the models say of it.

    Attributes:
        frame: of the video.
        picture: of the frame, if it was to be kept.
        shown: what the model saw of it.
        answer: smoothed over time, if that was asked for.
    """

    frame: TimedFrame
    picture: Image.Image | None
    shown: ShownFrame
    answer: Answer

    def kept(self) -> Image.Image:
        """Return the picture.

        Raises:
            ValueError: it wasn't to be kept.
        """
        if self.picture is None:
            raise ValueError("the picture wasn't kept")
        return self.picture


def survey(
    video: Video, view: ViewRule, *, swap: bool = False,
    watched: Callable[[Iterator[TimedFrame]], Iterator[TimedFrame]] = iter,
) -> VideoSurvey:  # fmt: skip
    """Read a video to its end.

    Args:
        video: to be read.
        view: the rule for what of a frame is looked at; auto: the view that most of the frames show.
        swap: whether red and blue change places.
        watched: what its frames go through, such as a bar that shows how far it is.

    Raises:
        RefusedError: not one frame can be read.
    """
    sample, problem = _Sample(), ""
    try:
        for frame in watched(video.frames()):
            sample.take(frame)
    except RefusedError as error:
        if not sample.seen:
            raise
        problem = str(error)
    if view != "auto":
        return VideoSurvey(sample.seen, view, problem, "")
    pictures = (swapped(frame.picture()) if swap else frame.picture() for frame in sample.frames)
    views = [view_of(picture, "auto") for picture in pictures]
    found, issues = _median_view([box for box, _ in views])
    told = Counter(doubt for _, doubts in views for doubt in doubts)
    doubts = tuple(doubt for doubt, count in told.items() if 2 * count > len(views))
    return VideoSurvey(sample.seen, _parts(found, video.shape.size), problem, issues, doubts)


class _Sample:
    """Frames spread evenly over a video whose length isn't known."""

    def __init__(self) -> None:
        self.seen, self.frames, self._every = 0, list[TimedFrame](), 1

    def take(self, frame: TimedFrame) -> None:
        """Look at the next frame."""
        if self.seen % self._every == 0:
            self.frames.append(frame)
        self.seen += 1
        if len(self.frames) == 2 * _SAMPLES:
            self.frames, self._every = self.frames[::2], 2 * self._every


def readable(video: Video) -> Iterator[TimedFrame]:
    """Yield the frames of a video, whatever is amiss behind the last one."""
    try:
        yield from video.frames()
    except RefusedError:  # the survey has told it
        return


def answered(
    video: Video, found: VideoSurvey, predictor: Predictor, *, smooth_s: float = 0.0, workers: int = 1,
    swap: bool = False, keep: bool = False,
) -> Iterator[Answered]:  # fmt: skip
    """Yield each frame of a video with its answer, in order; a few batches of them are in memory.

    Args:
        video: that was surveyed.
        found: by the survey.
        predictor: what predicts, a batch at a time.
        smooth_s: time constant of `smoothed`; 0: each frame by itself.
        workers: threads that bring frames to working size; one more decodes.
        swap: whether red and blue change places.
        keep: whether the pictures are kept.

    Raises:
        RefusedError: the video tells no times, and is to be smoothed over time.
    """
    if smooth_s and not video.shape.timed:
        raise RefusedError("video without times", "it can't be smoothed over time; leave smoothing out")

    def prepared(frame: TimedFrame) -> tuple[TimedFrame, Image.Image | None, ShownFrame]:
        """Return a frame as the model is shown it."""
        picture = swapped(frame.picture()) if swap else frame.picture()
        shown = show(picture, predictor.size_px, view=found.view, dim=frame.dim, swapped=swap, doubts=found.doubts)
        issues = "; ".join(filter(None, (frame.issues, shown.issues)))
        return frame, picture if keep else None, replace(shown, issues=issues)

    with _decoded(readable(video), predictor.batch_size) as frames, ThreadPoolExecutor(workers, "show") as pool:
        ready = ahead(pool, prepared, frames, predictor.batch_size + workers)
        yield from smoothed(_answers(ready, predictor), float(video.shape.tick_s), smooth_s)


def smoothed(frames: Iterable[Answered], tick_s: float, smooth_s: float) -> Iterator[Answered]:
    """Yield frames whose answers are the mean over all frames so far, older ones weighed down exponentially.

    That is true of each model's probabilities and, where a presence head says it, of the frame's score.

    Args:
        frames: in the order of time.
        tick_s: seconds a step of their `pts`.
        smooth_s: after how many seconds the weight of a frame is 1/e; 0: each frame by itself.
    """
    mean, last = None, 0
    for one in frames:
        new, pts = one.answer, one.frame.pts
        if mean is not None and smooth_s > 0:
            new = _between(mean, new, np.float32(-np.expm1(-(pts - last) * tick_s / smooth_s)))
        mean, last = new, pts
        yield replace(one, answer=new)


def _between(old: Answer, new: Answer, share: np.float32) -> Answer:
    """Return what lies between two answers: the new one's share of the way."""
    return replace(new, parts=tuple(_part_between(*both, share) for both in zip(old.parts, new.parts, strict=True)))


def _part_between(old: ModelAnswer, new: ModelAnswer, share: np.float32) -> ModelAnswer:
    presence = new.presence
    if old.presence is not None and presence is not None:
        presence = old.presence + float(share) * (presence - old.presence)
    return ModelAnswer(old.probability + share * (new.probability - old.probability), presence)


def _answers(
    ready: Iterable[tuple[TimedFrame, Image.Image | None, ShownFrame]], predictor: Predictor
) -> Iterator[Answered]:
    for batch in batches(ready, predictor.batch_size):
        answers = predictor(np.stack([shown.pixels for _, _, shown in batch]))
        for one, answer in zip(batch, answers, strict=True):
            yield Answered(*one, answer)


@contextmanager
def _decoded(frames: Iterator[TimedFrame], most: int) -> Iterator[Iterator[TimedFrame]]:
    """Yield an iterator over frames that are decoded in a thread, `most` of them ahead."""
    with ThreadPoolExecutor(1, "decode") as pool:
        read = ahead(pool, lambda _: next(frames, None), repeat(None), most)
        yield (frame for frame in takewhile(lambda frame: frame is not None, read) if frame is not None)


def _median_view(boxes: list[Box]) -> tuple[Array, str]:
    """Return the median of frames' views, [4], and what is odd about them."""
    median = np.floor(np.median(boxes, axis=0) + 0.5)
    near = (np.abs(np.array(boxes) - median) <= _NEAR * median.max()).all(axis=1)
    told = f"the view lies elsewhere in {(~near).sum()} of {len(boxes)} frames looked at; where it moves, cut the video"
    return median, "" if near.mean() >= _STEADY else told


def _parts(box: Array, size: tuple[int, int]) -> ViewRule:
    return [float(share) for share in box / np.array(size * 2)]
