"""`mcdrl predict`: masks for frames that nobody has annotated, by one or several trained models.

Frames are decoded and masks written in threads while the network computes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.base.output import warn
from mcdrl.base.parallel import ahead
from mcdrl.base.runtime import progress
from mcdrl.base.text import printable
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.models.coco import FILE, MaskComponent, write_coco
from mcdrl.commands.models.dicom_seg import check_sources, discreet
from mcdrl.commands.models.earlier import Replacing, still_there
from mcdrl.commands.models.frames import InputFile, check_places, find_jobs, read
from mcdrl.commands.models.masks import WantedOutput, all_paths, write_results
from mcdrl.commands.models.places import check_no_model
from mcdrl.commands.models.rows import PredictionRow, refusal, row_of, unwritable, write_table
from mcdrl.commands.models.videos import VideoReading, predict_video
from mcdrl.imaging.video.files import said_of
from mcdrl.model.held_out import UNSAID
from mcdrl.model.shown import ShownFrame

if TYPE_CHECKING:
    from mcdrl.model.predictor import Answer, Predictor

Array = np.ndarray[Any, np.dtype[Any]]
_TABLE = "predictions.csv"
_FOR_PICTURES = "--format coco and dicom-seg are for single pictures, use png"
_AHEAD = 2  # batches that are decoded, and that wait to be written, at a time; they don't hold the frames themselves


@discreet()
def predict_frames(
    given: Sequence[Path],
    predictor: Predictor,
    wanted: WantedOutput,
    *,
    view: ViewRule,
    workers: int,
    swap: bool = False,
    masks_too: bool = False,
    smooth_s: float = 0.0,
) -> list[PredictionRow]:
    """Write a mask for every readable frame, a video of masks for every video, then predictions.csv.

    Masks are PNGs of the frame's own, upright size, 0 for background and 255 for lesion, or all of them one COCO file,
    or a DICOM Segmentation each. What runs before have left is told and stays, but for their table, which goes before
    the first mask is replaced: an interrupted run leaves none. Each thread holds one frame at its own size; what waits
    is at working size, or run lengths, so that memory doesn't grow with the frames.

    Args:
        given: folders, subfolders included, and files.
        predictor: what predicts, a batch at a time.
        wanted: what is written, and where; what is there under other names stays.
        view: what of a frame the model is shown, as the sites' reading has it; the mask covers the whole frame all the
            same.
        workers: threads that decode, and as many that write.
        swap: red and blue change places, for frames that were saved as blue, green, red.
        masks_too: files that look like masks are segmented like any other.
        smooth_s: of videos, seconds over which probabilities are smoothed; 0: each frame by itself.

    Raises:
        InputError: there is no frame, none can be read, the two folders lie in each other, the results would lie in a
            model's folder, a file would be replaced by another one's, no frame is a DICOM file and Segmentations are
            wanted, or there are videos alone and what is wanted is for pictures.
        OSError: the folder of the results can't be written to.
    """
    check_no_model(wanted.out)
    found = find_jobs(given, wanted.out, masks_too=masks_too)
    jobs, videos, done = found.jobs, found.videos, list[tuple[PredictionRow, Sequence[MaskComponent]]]()
    if wanted.coco or wanted.dicom is not None:
        done = [(refusal(job, f"{said_of(job.path)}; {_FOR_PICTURES}"), ()) for job in videos]
        videos = ()
        if not jobs:
            raise InputError(f"{found.videos[0].path} {done[0][0].reason}")
    if wanted.dicom is not None:
        check_sources([job.path for job in jobs])
    whole = {wanted.out / _TABLE: "the table"} | ({wanted.out / FILE: "the COCO file"} if wanted.coco else {})
    planned = all_paths(jobs, videos, wanted, whole)
    check_places([*jobs, *found.videos], planned)
    wanted.out.mkdir(parents=True, exist_ok=True)
    for line in filter(None, (found.left_out, found.masks and f"{found.masks}; --masks-too segments them, too")):
        warn(line)
    table = wanted.out / _TABLE
    replacing = Replacing(table, planned)
    with replacing.told():
        with ThreadPoolExecutor(workers, "decode") as decode, ThreadPoolExecutor(workers, "write") as write:
            shown = ahead(
                decode,
                lambda job: (job, read(job, predictor.size_px, view=view, swap=swap)),
                jobs,
                _AHEAD * predictor.batch_size,
            )
            told = progress(shown, f"predict {len(jobs)} frames", len(jobs)) if jobs else iter(())
            done += _written(write, _answered(told, predictor), predictor, wanted, replacing.begin)
        how = VideoReading(view, swap=swap, workers=workers, smooth_s=smooth_s)
        done += [(predict_video(job, predictor, wanted, how, replacing.begin), ()) for job in videos]
        done.sort(key=lambda one: one[0].frame)
        rows = [row for row, _ in done]
        if not any(row.frames for row in rows):
            raise _none(rows, table, replacing)
        replacing.begin()
        if wanted.coco:
            read_rows = ((row, lesions) for row, lesions in done if not row.reason)
            write_coco(
                [(row.frame, (row.width_px, row.height_px), lesions) for row, lesions in read_rows], wanted.out / FILE
            )
        write_table(rows, table)
        replacing.finish()
    if stay := still_there(replacing.earlier, {*whole, *_paths(rows, jobs, videos, wanted)}, table):
        warn(stay)
    return rows


def _none(rows: Sequence[PredictionRow], table: Path, replacing: Replacing) -> InputError:
    """Return what says that no file is a frame, once the table says so, too, unless one of masks is there."""
    keep = table.exists() and not replacing.begun  # of an earlier run, whose masks are still there
    if not keep:
        write_table(rows, table)
    if replacing.begun:
        replacing.finish()
        if stay := still_there(replacing.earlier, (), table):
            warn(stay)
    more = f"{table} is left as it was" if keep else f"all of them: {table}"
    first = f"{rows[0].frame}: {rows[0].reason}"
    return InputError(f"not one of the {len(rows)} files can be read as a frame, the first: {first}; {more}")


def _paths(
    rows: Sequence[PredictionRow], jobs: Sequence[InputFile], videos: Sequence[InputFile], wanted: WantedOutput
) -> Iterator[Path]:
    """Yield what was written of all frames and videos that were read."""
    names = {row.frame for row in rows if row.mask}
    for of, some in ((wanted.paths, jobs), (wanted.video_paths, videos)):
        for job in some:
            yield from of(job.stem).values() if job.frame in names else ()


def summary(rows: Sequence[PredictionRow], out: Path, threshold: float = UNSAID) -> str:
    """Return in a few lines what was done, with the threshold of the masks where it isn't the usual one."""
    found = [row for row in rows if row.mask]
    lesions = sum(row.lesion == "yes" for row in found)
    flagged = sum(row.flagged == "yes" for row in found)
    lines = [f"{len(found)} masks in {out}, {lesions} of them with a lesion; table: {out / _TABLE}"]
    lines += [f"a pixel is lesion from {threshold:g} on"] * (threshold != UNSAID)
    lines += [f"{len(found) - lesions} without a lesion at the models' operating point"] * (lesions < len(found))
    lines += [f"{row.frame}: {row.frames} frames, a row each in {out / row.table}" for row in found if row.table]
    lines += [f"{flagged} flagged: look at these first, their confidence is low or an issue tells why"] * (flagged > 0)
    seen = Counter(name for row in found for name in row.confounders.split("; ") if name)
    lines += [f"{count} x {issues}" for issues, count in Counter(row.issues for row in found if row.issues).items()]
    lines += ["seen: " + ", ".join(f"{name} in {count}" for name, count in seen.most_common())] * bool(seen)
    return "\n".join(map(printable, lines))


def refused(rows: Sequence[PredictionRow], shown: int = 20) -> str:
    """Return a line for each of the first files that could not be read, or not wholly; empty: there is none."""
    lines = [f"{'' if row.mask else 'not read: '}{row.frame}: {row.reason}" for row in rows if row.reason]
    more = [f"and {len(lines) - shown} more; all of them are in the table"] if len(lines) > shown else []
    return "\n".join(map(printable, lines[:shown] + more))


def _answered(
    read_frames: Iterable[tuple[InputFile, ShownFrame | str]], predictor: Predictor
) -> Iterator[tuple[InputFile, ShownFrame | str, Any]]:
    """Yield every frame with the answer, or a refused file with None; full batches but for the last."""
    batch: list[tuple[InputFile, ShownFrame]] = []
    for job, one in read_frames:
        if isinstance(one, str):
            yield job, one, None
            continue
        batch.append((job, one))
        if len(batch) == predictor.batch_size:
            yield from _answers(batch, predictor)
            batch = []
    if batch:
        yield from _answers(batch, predictor)


def _answers(
    batch: Sequence[tuple[InputFile, ShownFrame]], predictor: Predictor
) -> Iterator[tuple[InputFile, ShownFrame, Answer]]:
    answers = predictor(np.stack([shown.pixels for _, shown in batch]))
    for (job, shown), answer in zip(batch, answers, strict=True):
        yield job, shown, answer


def _written(
    pool: ThreadPoolExecutor, answered: Iterable[tuple[InputFile, ShownFrame | str, Any]], predictor: Predictor,
    wanted: WantedOutput, before: Callable[[], None],
) -> list[tuple[PredictionRow, Sequence[MaskComponent]]]:  # fmt: skip
    def write(one: tuple[InputFile, ShownFrame | str, Any]) -> tuple[PredictionRow, Sequence[MaskComponent]]:
        """Write one frame's results and return its row, with its lesions for a COCO file."""
        job, shown, answer = one
        if isinstance(shown, str):
            return refusal(job, shown), ()
        try:
            assessment = predictor.assess(answer)
            kept = partial(predictor.operating_point.kept, view_px=shown.area_px, frame_score=assessment.frame_score)
            written = write_results(job, shown, answer.probability, predictor.calibrated, kept, wanted, before)
        except (RefusedError, InputError) as error:
            return refusal(job, str(error)), ()
        except OSError as error:
            return unwritable(job, error), ()
        return row_of(job, wanted.mask(job.stem), shown, assessment, written), written.lesions

    return list(ahead(pool, write, answered, _AHEAD * predictor.batch_size))
