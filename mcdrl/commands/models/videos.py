"""`mcdrl predict` on a video: masks as a video with the same times, and a table with a row a frame.

Frames are decoded, drawn and encoded in threads while the network computes; a few batches of them are in memory.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic
from mcdrl.base.issues import RefusedError
from mcdrl.base.parallel import ahead
from mcdrl.base.runtime import progress
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.models.frames import InputFile
from mcdrl.commands.models.masks import Layers, WantedOutput, grey, layers
from mcdrl.commands.models.rows import PredictionRow, VideoRow, cells, columns, refusal, row_of, unwritable, video_row
from mcdrl.imaging.video.files import open_video
from mcdrl.imaging.video.frames import Video
from mcdrl.imaging.video.writing import COLOURS, GREY, written
from mcdrl.model.video import Answered, VideoSurvey, answered, survey

if TYPE_CHECKING:
    from mcdrl.model.predictor import Predictor

UNTIMED = "the file tells no times, or none that rise; its videos show 25 frames a second"


@dataclass(frozen=True)
class VideoReading:
    """How videos are read.

    Attributes:
        view: the rule for what of a frame the model is shown.
        swap: whether red and blue change places.
        workers: threads that bring frames to working size, and as many that draw masks.
        smooth_s: seconds over which probabilities are smoothed; 0: each frame by itself.
    """

    view: ViewRule
    swap: bool = False
    workers: int = 1
    smooth_s: float = 0.0


def predict_video(
    job: InputFile, predictor: Predictor, wanted: WantedOutput, how: VideoReading, before: Callable[[], None]
) -> PredictionRow:
    """Write the masks of a video and its table, and return its row in predictions.csv.

    What was there stays as it is until all is written, and if not one frame can be read.

    Args:
        job: of the file.
        predictor: what predicts, a batch at a time.
        wanted: what is written, and where.
        how: it is read.
        before: what is done before the first of its files takes its place.

    Raises:
        OSError: the folder of the results can't be written to.
    """
    try:
        video = open_video(job.path)
        found = survey(
            video, how.view, swap=how.swap, watched=lambda frames: progress(frames, f"look through {job.frame}", None)
        )
        row = _predicted(job, video, found, predictor, wanted, how, before)
    except (RefusedError, InputError) as error:
        return refusal(job, str(error))
    except OSError as error:
        return unwritable(job, error)
    issues = "; ".join(filter(None, (row.issues, found.issues, "" if video.shape.timed else UNTIMED)))
    return replace(row, reason=_reason(found, row), issues=issues)


def _reason(found: VideoSurvey, row: PredictionRow) -> str:
    return f"{found.problem}; what could be read, {row.frames} frames, is in {row.table}" if found.problem else ""


def _predicted(
    job: InputFile, video: Video, found: VideoSurvey, predictor: Predictor, wanted: WantedOutput, how: VideoReading,
    before: Callable[[], None],
) -> PredictionRow:  # fmt: skip
    """Write all of a video and return the row that stands for it."""
    frames = answered(
        video, found, predictor, smooth_s=how.smooth_s, workers=how.workers, swap=how.swap, keep=wanted.overlay
    )
    told = progress(frames, f"predict {job.frame}", found.frames)
    mask, table = (str(path.relative_to(wanted.out)) for path in list(wanted.video_paths(job.stem).values())[:2])
    draw = partial(_drawn, job=job, mask=mask, predictor=predictor, wanted=wanted)
    most = predictor.batch_size + how.workers
    best, odd = None, Counter[str]()
    with (
        _sinks(video, wanted.video_paths(job.stem)) as write,
        ThreadPoolExecutor(how.workers, "draw") as drawing,
        ThreadPoolExecutor(1, "write") as writing,
    ):
        for row in ahead(writing, write, ahead(drawing, draw, told, most), most):
            odd[row.issues] += 1
            best = row if best is None else max(best, row, key=_likeliness)
        if best is None:
            raise RefusedError("video that has changed", f"{job.path.name} held {found.frames} frames and now none")
        before()
    issues = [f"{what}, in {number} of {odd.total()} frames" for what, number in odd.items() if what]
    return replace(best, frames=odd.total(), table=table, issues="; ".join(issues))


def _likeliness(row: PredictionRow) -> tuple[bool, float]:
    return row.lesion == "yes", row.frame_score or 0.0


def _drawn(
    one: Answered, *, job: InputFile, mask: str, predictor: Predictor, wanted: WantedOutput
) -> tuple[Answered, Layers, PredictionRow]:
    """Return a frame with what is to be written of it, and its row."""
    assessment = predictor.assess(one.answer)
    kept = partial(predictor.operating_point.kept, view_px=one.shown.area_px, frame_score=assessment.frame_score)
    found = layers(one.shown, one.answer.probability, predictor.calibrated, kept, wanted, one.kept)
    return one, found, row_of(job, mask, one.shown, assessment, found.written)


@contextmanager
def _sinks(
    video: Video, paths: dict[str, Path]
) -> Iterator[Callable[[tuple[Answered, Layers, PredictionRow]], PredictionRow]]:
    """Yield what writes a frame and returns its row; all files are in their places once the last one is complete."""
    shape = video.shape
    with ExitStack() as stack:
        stream = stack.enter_context(
            stack.enter_context(atomic(paths["table"])).open("w", encoding="utf-8", newline="")
        )
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns(VideoRow))
        encodings = {"mask": GREY, "overlay": COLOURS, "probabilities": GREY}
        add = {
            kind: stack.enter_context(written(paths[kind], encoding, shape))
            for kind, encoding in encodings.items()
            if kind in paths
        }

        def write(given: tuple[Answered, Layers, PredictionRow]) -> PredictionRow:
            """Write one frame."""
            one, found, row = given
            pts = one.frame.pts
            add["mask"](grey(found.mask), pts)
            if found.overlay is not None:
                add["overlay"](np.asarray(found.overlay), pts)
            if found.probability is not None:
                add["probabilities"](grey(found.probability), pts)
            time_s = round(float(pts * shape.tick_s), 6) if shape.timed else None
            table.writerow(cells(video_row(one.frame.index, time_s, row)))
            return row

        yield write
