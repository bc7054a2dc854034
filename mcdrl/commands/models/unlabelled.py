"""Frames that nobody has annotated, and whether a folder holds no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mcdrl.base.errors import InputError
from mcdrl.base.folders import is_utf8, name_of
from mcdrl.base.issues import Issue, RefusedError
from mcdrl.base.output import warn
from mcdrl.base.parallel import in_order
from mcdrl.base.runtime import progress
from mcdrl.base.section import sentences
from mcdrl.base.text import printable
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.models.frames import InputFile, find_jobs
from mcdrl.commands.models.masks_among import drawn_beside, masks_among
from mcdrl.commands.sites.kinds import VIDEOS
from mcdrl.commands.sites.mask_names import likeness
from mcdrl.commands.sites.survey import masks_beside, survey
from mcdrl.drawing.formatting import listed
from mcdrl.imaging.decode import frame_digest, read_frame, swapped
from mcdrl.imaging.drawn import looks_drawn
from mcdrl.model.shown import ShownFrame, show
from mcdrl.study.reading import Reading

OF_FRAMES = frozenset({"view", "channels"})  # settings of a site that say nothing of masks


def frames_reading(view: ViewRule, card: str | None, settings: Mapping[str, Any]) -> Reading:
    """Return how frames are read whose masks aren't.

    Args:
        view: what of a frame is looked at, unless the settings say it.
        card: that was given.
        settings: key of a site -> value, as given.

    Raises:
        InputError: something is said of masks, or a value is wrong.
    """
    of_masks = [*["--card"] * (card is not None), *sorted(set(settings) - OF_FRAMES)]
    if of_masks:
        raise InputError(f"--frames-only looks at no masks, but {listed(of_masks)} would; leave one or the other out")
    try:
        return Reading.model_validate({"view": view, **settings})
    except ValidationError as error:
        raise InputError("; ".join(sentences(error, "", Reading))) from None


@dataclass(frozen=True, eq=False)
class UnlabelledFrame:
    """A frame without a truth.

    Attributes:
        file: the frame's path below the folder.
        sha256: hex digest of the frame's size and upright pixels, as in cases.parquet.
        shown: what a model is shown of it.
    """

    file: str
    sha256: str
    shown: ShownFrame


class Unlabelled:
    """A folder's frames; those that can't be read are noted.

    Attributes:
        name: of the folder.
        refused: frames that can't be read.
        left_out: a line a kind of files that are no frames.
    """

    def __init__(self, folder: Path, out: Path, size_px: int, view: ViewRule, *, swap: bool) -> None:
        """List the frames; says what else there is.

        Raises:
            InputError: there is none, the results would lie among them, or the folder's name is not UTF-8.
        """
        found = find_jobs([folder], out)
        if not found.jobs:
            first = found.videos[0].path
            raise InputError(f"{folder} holds videos, such as {first}, and no frames; cut them into frames first")
        videos = [f"left out, videos: {len(found.videos)} files, such as {one.path}" for one in found.videos[:1]]
        self.name, self.refused = name_of(folder), list[Issue]()
        self.left_out = [printable(line) for line in (found.left_out, found.masks, *videos) if line]
        for line in self.left_out:
            warn(line)
        self._jobs, self._size_px, self._view, self._swap = found.jobs, size_px, view, swap

    def frames(self, workers: int) -> Iterator[UnlabelledFrame]:
        """Yield the frames, sorted by name, once.

        Args:
            workers: threads that decode.
        """
        decoded = in_order(self._read, self._jobs, workers)
        for one in progress(decoded, f"reading {self.name}", len(self._jobs)):
            if isinstance(one, Issue):
                self.refused.append(one)
            else:
                yield one

    def _read(self, job: InputFile) -> UnlabelledFrame | Issue:
        if not job.path.is_file():  # opening a pipe would wait for ever
            return Issue(printable(job.frame), "no regular file", "")
        if not is_utf8(job.frame):
            return Issue(printable(job.frame), "file name is not UTF-8", "rename it")
        try:
            picture, dim = read_frame(job.path)
        except (RefusedError, InputError) as error:
            return Issue(job.frame, str(error), "")
        turned = swapped(picture) if self._swap else picture
        shown = show(turned, self._size_px, view=self._view, dim=dim, swapped=self._swap)
        return UnlabelledFrame(job.frame, frame_digest(picture), shown)


def no_masks(folder: Path, otherwise: str) -> str:
    """Return that a folder holds frames alone, what goes without masks, and where they may be."""
    return "; ".join([f"nothing in it is a mask or an annotation: {otherwise}", *filter(None, [masks_beside(folder)])])


def holds_frames_alone(folder: Path) -> bool:
    """Return whether nothing below a folder may be a mask or an annotation, by names, colours and words.

    Whatever isn't known to say nothing of lesions may: a table, a text, a file of an unknown kind.
    """
    if not folder.is_dir():
        return False
    found = survey(folder)
    if not found.pictures or found.masks or found.others.keys() - {VIDEOS}:
        return False
    called = [place for place in found.pictures if likeness(place.name) > 1]
    if called and len(called) < len(found.pictures):
        return False
    pictures = [folder / place / name for place, names in found.pictures.items() for name in names]
    return not (masks_among(pictures) or drawn_beside(pictures, looks_drawn))
