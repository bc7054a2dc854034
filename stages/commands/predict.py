"""`mcdrl predict`: masks for frames that nobody has annotated, by a trained model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image

from stages.core.base.errors import InputError
from stages.core.base.files import atomic
from stages.core.base.runtime import progress
from stages.core.contracts.frames import to_native
from stages.ingest.pixels import Box, read_frame, squash, view_box
from stages.ingest.remarks import RefusedError

if TYPE_CHECKING:
    from stages.core.segment.ensemble import Ensemble

Array = np.ndarray[Any, np.dtype[Any]]
_TABLE = "predictions.csv"


@dataclass(frozen=True)
class Prediction:
    """A row of predictions.csv.

    Attributes:
        file: path below the folder of the frames.
        mask: path of the mask below the folder of the results; empty: the frame was refused.
        width_px: of the frame, upright; 0: refused.
        height_px: likewise.
        lesion_area_px: lesion pixels of the mask.
        lesion_share: the same as a share of the frame, 0..1; None: refused.
        max_probability: of lesion over the frame, 0..1; None: refused.
        reason: why the frame was refused; empty otherwise.
    """

    file: str
    mask: str
    width_px: int
    height_px: int
    lesion_area_px: int
    lesion_share: float | None
    max_probability: float | None
    reason: str


@dataclass(frozen=True)
class _Job:
    frame: Path
    file: str
    mask: str


@dataclass(frozen=True)
class _Shown:
    """A frame's own (width, height); the box of it that the model sees, in its pixels; the box at working size."""

    size: tuple[int, int]
    box: Box
    pixels: Array


def predict_folder(
    folder: Path, model: Ensemble, out: Path, *, threshold: float, batch_size: int, crop: bool = False
) -> list[Prediction]:
    """Write a mask for every readable frame of a folder and its subfolders, then predictions.csv.

    Masks are PNGs of the frame's own, upright size, 0 for background and 255 for lesion.

    Args:
        folder: holds the frames; every file in it counts as one, hidden ones aside.
        model: what predicts.
        out: where to; what is there under other names stays.
        threshold: probability of lesion from which a pixel is lesion.
        batch_size: frames at a time.
        crop: cut the black border around the endoscope's view off before the model sees a frame, as the sites' reading
            `crop: black_border` does; the mask covers the whole frame all the same.

    Raises:
        InputError: there is no frame, none can be read, or the two folders lie in each other.
    """
    jobs = _jobs(folder, out)
    rows: list[Prediction] = []
    batches = [jobs[start : start + batch_size] for start in range(0, len(jobs), batch_size)]
    for batch in progress(batches, f"predict {folder.name}", len(batches)):
        rows += _predict(batch, model, out, threshold, crop)
    _write_table(rows, out / _TABLE)
    if all(row.reason for row in rows):
        raise InputError(f"not one of the {len(rows)} files in {folder} can be read as a frame; see {out / _TABLE}")
    return rows


def summary(rows: Sequence[Prediction], out: Path) -> str:
    """Return in a few lines what was done, refused frames by reason."""
    found = [row for row in rows if not row.reason]
    lesions = sum(row.lesion_area_px > 0 for row in found)
    lines = [f"{len(found)} masks in {out}, {lesions} of them with a lesion; table: {out / _TABLE}"]
    kinds = Counter(row.reason.partition(": ")[0] for row in rows if row.reason)
    lines += [f"refused {count}: {kind}" for kind, count in kinds.most_common()]
    return "\n".join(lines)


def _jobs(folder: Path, out: Path) -> list[_Job]:
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the folder that holds the frames")
    inside, outside = folder.resolve(), out.resolve()
    if inside == outside or inside in outside.parents:
        raise InputError(f"--out {out} lies in {folder}: masks would count as frames next time; choose another folder")
    if out.is_file():
        raise InputError(f"--out {out} is a file; name a folder")
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if not any(part.startswith(".") for part in path.parts)]
    if not files:
        raise InputError(f"{folder} holds no files; give the folder that holds the frames")
    shared = Counter(path.with_suffix("") for path in files)
    return [_Job(folder / path, path.as_posix(), _mask_name(path, shared[path.with_suffix("")] > 1)) for path in files]


def _mask_name(path: Path, shared: bool) -> str:
    """Return the mask's name; frames that differ in their ending alone keep it."""
    return path.with_name(path.name + ".png").as_posix() if shared else path.with_suffix(".png").as_posix()


def _predict(batch: Sequence[_Job], model: Ensemble, out: Path, threshold: float, crop: bool) -> Iterator[Prediction]:
    read = [_read(job, model.size_px, crop) for job in batch]
    frames = [one.pixels for one in read if not isinstance(one, str)]
    probabilities: Iterator[Array] = iter(model.probability(np.stack(frames)) if frames else [])
    for job, one in zip(batch, read, strict=True):
        if isinstance(one, str):
            yield Prediction(job.file, "", 0, 0, 0, None, None, one)
        else:
            yield _write_mask(job, one, next(probabilities), out, threshold)


def _read(job: _Job, size_px: int, crop: bool) -> _Shown | str:
    """Return what the model is shown of a frame, or why it is refused."""
    try:
        frame = read_frame(job.frame)
    except RefusedError as error:
        return str(error)
    box = view_box(frame) if crop else (0, 0, *frame.size)
    return _Shown(frame.size, box, squash(frame, size_px, box))


def _write_mask(job: _Job, shown: _Shown, probability: Array, out: Path, threshold: float) -> Prediction:
    lesion = to_native(probability, shown.box, *shown.size) >= threshold
    with atomic(out / job.mask) as partial:
        Image.fromarray(lesion.astype(np.uint8) * 255).save(partial, format="PNG")
    area_px = int(lesion.sum())
    highest = round(float(probability.max()), 4)
    return Prediction(job.file, job.mask, *shown.size, area_px, round(area_px / lesion.size, 6), highest, "")


def _write_table(rows: Sequence[Prediction], path: Path) -> None:
    table = pd.DataFrame([astuple(row) for row in rows], columns=[field.name for field in fields(Prediction)])
    with atomic(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
