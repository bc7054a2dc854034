"""Which files `mcdrl predict` is to segment, and how one is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from stages.core.base.errors import InputError
from stages.ingest.pixels import Box, read_frame, squash, view_box
from stages.ingest.remarks import RefusedError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Job:
    """A file: where it is, its name in the table, the name of its mask without ending."""

    path: Path
    frame: str
    stem: str


@dataclass(frozen=True)
class Shown:
    """What the model is shown of a frame.

    Attributes:
        picture: the whole frame, upright.
        box: left, top, right, bottom of what the model sees, in the frame's own pixels.
        pixels: [S, S, 3] uint8, the box at working size.
    """

    picture: Image.Image
    box: Box
    pixels: Array


def find_jobs(given: Sequence[Path], out: Path) -> list[Job]:
    """Return a job for every file given and every file in the folders given, hidden ones aside.

    One folder's frames are named below it. Several folders' frames have their folder's name in front.

    Raises:
        InputError: there is no such file or folder, no file at all, two would write one mask, or the results would lie
            among the frames.
    """
    if out.is_file():
        raise InputError(f"--out {out} is a file; name a folder")
    alone = len(given) == 1
    named = [pair for place in given for pair in _files(place, out, alone)]
    if not named:
        raise InputError(f"{' '.join(map(str, given))} holds no files; give the folder that holds the frames")
    shared = Counter(name.with_suffix("") for _, name in named)
    jobs = [Job(path, str(name), _stem(name, shared[name.with_suffix("")] > 1)) for path, name in named]
    twice = [stem for stem, count in Counter(job.stem for job in jobs).items() if count > 1]
    if twice:
        raise InputError(f"two of the frames given would both be called {twice[0]}; give their folders instead")
    return jobs


def read(job: Job, size_px: int, crop: bool) -> Shown | str:
    """Return what the model is shown of a frame, or why the file is refused."""
    try:
        picture = read_frame(job.path)
    except (RefusedError, InputError) as error:
        return str(error)
    box = view_box(picture) if crop else (0, 0, *picture.size)
    return Shown(picture, box, squash(picture, size_px, box))


def _files(place: Path, out: Path, alone: bool) -> list[tuple[Path, PurePosixPath]]:
    if place.is_file():
        return [(place, PurePosixPath(place.name))]
    if not place.is_dir():
        raise InputError(f"there is no folder or file {place}; give the folder that holds the frames, or frames")
    inside, outside = place.resolve(), out.resolve()
    if inside == outside or inside in outside.parents:
        raise InputError(f"--out {out} lies in {place}: masks would count as frames next time; choose another folder")
    above = PurePosixPath() if alone else PurePosixPath(inside.name)
    below = sorted(path.relative_to(place) for path in place.rglob("*") if path.is_file())
    shown = [path for path in below if not any(part.startswith(".") for part in path.parts)]
    return [(place / path, above / path.as_posix()) for path in shown]


def _stem(name: PurePosixPath, shared: bool) -> str:
    """Return the frame's name without its ending; frames that differ in their ending alone keep it."""
    return str(name if shared else name.with_suffix(""))
