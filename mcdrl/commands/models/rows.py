"""The tables that `mcdrl predict` writes: a row a file, and of a video a row a frame."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mcdrl.base.files import atomic
from mcdrl.base.text import printable, spreadsheet_cell
from mcdrl.commands.models.frames import InputFile
from mcdrl.commands.models.masks import Written
from mcdrl.model.shown import ShownFrame

if TYPE_CHECKING:
    from mcdrl.model.predictor import Assessment

_OF_ONE_FILE = frozenset(
    (None, errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR, errno.ENOTEMPTY)
)  # what hinders the writing of one frame and not of others


@dataclass(frozen=True)
class PredictionRow:
    r"""A row of predictions.csv.

    In the file, texts that a spreadsheet would compute (those that begin with =, +, -, @ or a tab) have an apostrophe
    in front, and control characters are escapes such as \x1b. Numbers stand as they are.

    Attributes:
        frame: path below the folder of the frames.
        mask: path below the folder of the results, of the mask, of the video of a video's masks, or of the COCO file
            that holds it; empty: the frame was refused.
        width_px: of the frame, upright; 0: refused.
        height_px: likewise.
        view_px: left, top, right, bottom of what the model was shown, in the frame's own pixels, separated by spaces;
            outside of it nothing is called lesion; empty: refused.
        lesion: "yes", or "no": the models' operating point leaves nothing of the mask, as the frame's score is too low
            or every component too small; `--suppress` empties such a mask; empty: refused.
        frame_score: how much the frame looks as if it had a lesion, 0..1: what a presence head says of it, else the
            mean of its likeliest percent of pixels; of several models the mean of each one's; None: refused.
        lesion_area_px: lesion pixels of the mask.
        lesion_percent: the same in percent of the frame; None: refused.
        confidence: share of the mask that the network expects to be lesion, 0..1, so a precision and no Dice; where
            nothing is found, the probability that there is nothing; None: refused.
        flagged: "yes" where the confidence is below the models' limit, or the frame shows hardly anything, is too
            dark or has a doubtful view, as `issues` tells: a person should look first; else "no".
        confounders: those seen in the frame, the clearest first, separated by "; ".
        confounder_scores: of all, the highest first: standard deviations above the training frames' mean, zero-shot;
            empty where no model reads the frozen encoder's features, unless they are asked for.
        reason: why the frame was refused, its mask couldn't be written, or a video isn't whole; empty otherwise.
        issues: what is odd about the frame, of a video about how many of its frames; empty: nothing.
        frames: how many the file holds: 1, or those of a video that could be read; 0: refused. The row of a video is
            that of the frame with a lesion, or of any if none has one, whose score is the highest.
        table: of a video, path below the folder of the results, of the table with a row for each of its frames.
    """

    frame: str
    mask: str
    width_px: int
    height_px: int
    view_px: str
    lesion: str
    frame_score: float | None
    lesion_area_px: int
    lesion_percent: float | None
    confidence: float | None
    flagged: str
    confounders: str
    confounder_scores: str
    reason: str
    issues: str = ""
    frames: int = 1
    table: str = ""


@dataclass(frozen=True)
class VideoRow:
    """A row of the table of a video, which has the video's name.

    Attributes:
        frame: number of the frame, from 0 on.
        time_s: when it is shown, seconds by the video's own clock, which may begin later than 0, and is set on where it
            begins below 0 or goes back; empty: the file doesn't tell.
        view_px: as in predictions.csv; one box for all frames.
        lesion: likewise.
        frame_score: likewise; smoothed over time where that was asked for, as is all that follows from the mask.
        lesion_area_px: likewise.
        lesion_percent: likewise.
        confidence: likewise.
        flagged: likewise.
        confounders: likewise.
        confounder_scores: likewise.
        issues: what is odd about the frame; empty: nothing.
    """

    frame: int
    time_s: float | None
    view_px: str
    lesion: str
    frame_score: float | None
    lesion_area_px: int
    lesion_percent: float | None
    confidence: float | None
    flagged: str
    confounders: str
    confounder_scores: str
    issues: str


def refusal(job: InputFile, reason: str) -> PredictionRow:
    """Return the row of a file of which nothing can be said."""
    return PredictionRow(job.frame, "", 0, 0, "", "", None, 0, None, None, "", "", "", reason, frames=0)


def unwritable(job: InputFile, error: OSError) -> PredictionRow:
    """Return the row of a file whose results can't be written.

    Raises:
        OSError: the error given, where it hinders the writing of others, too.
    """
    if error.errno not in _OF_ONE_FILE:
        raise error
    return refusal(job, f"its results can't be written: {error.strerror or error}")


def row_of(job: InputFile, mask: str, shown: ShownFrame, assessment: Assessment, written: Written) -> PredictionRow:
    """Return the row of a frame.

    Args:
        job: of the file.
        mask: path below the folder of the results, of what holds the mask.
        shown: what the model saw.
        assessment: of its answer.
        written: what the mask shows.
    """
    width, height = shown.size
    return PredictionRow(
        job.frame, mask, width, height, " ".join(map(str, shown.box)), "yes" if written.lesion else "no",
        round(assessment.frame_score, 4), written.area_px, round(100 * written.area_px / (width * height), 4),
        round(assessment.confidence, 4), "yes" if assessment.flagged or shown.doubtful else "no",
        "; ".join(assessment.seen),
        "; ".join(f"{name} {round(score, 1) + 0:.1f}" for name, score in assessment.ranked), "", shown.issues,
    )  # fmt: skip


def video_row(index: int, time_s: float | None, row: PredictionRow) -> VideoRow:
    """Return the row of a video's frame, of what `row_of` says of it."""
    shared = [field.name for field in fields(VideoRow)][2:]
    return VideoRow(index, time_s, **{name: getattr(row, name) for name in shared})


def columns(kind: type[Any]) -> list[str]:
    """Return the names of a table's columns."""
    return [field.name for field in fields(kind)]


def cells(row: PredictionRow | VideoRow) -> list[Any]:
    """Return a row as it is written: no text does anything to a spreadsheet or a terminal."""
    return [printable(spreadsheet_cell(value)) if isinstance(value, str) else value for value in astuple(row)]


def write_table(rows: Sequence[PredictionRow], path: Path) -> None:
    """Write predictions.csv."""
    table = pd.DataFrame([cells(row) for row in rows], columns=columns(PredictionRow))
    with atomic(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
