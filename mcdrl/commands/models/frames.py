"""Which files `mcdrl predict` is to segment, and how one is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mcdrl.base.errors import InputError
from mcdrl.base.folders import is_archive, walked
from mcdrl.base.issues import RefusedError
from mcdrl.base.text import whole_number
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.models.masks_among import masks_among
from mcdrl.commands.models.places import check_apart, real
from mcdrl.imaging.decode import read_frame
from mcdrl.imaging.video.files import is_video, without_ending
from mcdrl.model.shown import ShownFrame, show
from mcdrl.study.reading import Reading

_NO_PICTURES = frozenset(
    (".csv", ".db", ".gz", ".h5", ".html", ".ini", ".ipynb", ".json", ".jsonl", ".log", ".md", ".npy", ".npz",
     ".parquet", ".pdf", ".pkl", ".py", ".tar", ".toml", ".tsv", ".txt", ".xls", ".xlsx", ".xml", ".yaml", ".yml",
     ".zip")
)  # endings of what commonly lies beside frames  # fmt: skip


@dataclass(frozen=True)
class InputFile:
    """A file: where it is, its name in the table, the name of its mask without ending."""

    path: Path
    frame: str
    stem: str


@dataclass(frozen=True)
class FoundFiles:
    """What is to be segmented.

    Attributes:
        jobs: one a picture.
        left_out: a line on the files that aren't pictures by their ending; empty: there are none.
        masks: a line on the files that are left out as masks; empty: there are none.
        videos: one a video.
    """

    jobs: list[InputFile]
    left_out: str
    masks: str = ""
    videos: Sequence[InputFile] = ()


def find_jobs(given: Sequence[Path], out: Path, *, masks_too: bool = False) -> FoundFiles:
    """Return a job for every file given and all in the folders given that may be pictures or videos, hidden ones aside.

    Links to folders are followed, no folder is entered twice.

    One folder's frames are named below it. Several folders' frames have their folder's name in front.

    Args:
        given: files and folders.
        out: where the results go.
        masks_too: whether files of folders that look like masks are segmented like any other; see `masks_among`.

    Raises:
        InputError: there is no such file or folder, no file at all or masks alone, a folder can't be read, two frames
            would write one mask, or the results would lie among the frames.
    """
    if out.is_file():
        raise InputError(f"--out {out} is a file; name a folder")
    found = _named(given, out)
    named = [pair for pair in found if not _no_picture(pair[0], given)]
    endings = Counter(path.suffix.lower() for path, _ in found if _no_picture(path, given))
    if not named:
        raise InputError(
            f"{' '.join(map(str, given))} holds no files that could be frames; give the folder that holds the frames"
        )
    videos = {path for path, _ in named if is_video(path)}
    pictures = [path for path, _ in named if path not in videos]
    by_name = set(given)
    masks = [] if masks_too else masks_among([path for path in pictures if path not in by_name])
    left_out = set(masks)
    named = [pair for pair in named if pair[0] not in left_out]
    if not named:
        raise InputError(f"{_told(masks)}, and there is nothing else; --masks-too segments them like frames")
    stems = stems_of([name for _, name in named])
    kinds = f"left out, no pictures by their ending: {endings.total()} files ({', '.join(sorted(endings))})"
    jobs = [InputFile(path, str(name), stems[name]) for path, name in named]
    return FoundFiles(
        [job for job in jobs if job.path not in videos],
        kinds if endings else "",
        _told(masks) if masks else "",
        [job for job in jobs if job.path in videos],
    )


def _told(masks: Sequence[Path]) -> str:
    return f"left out, masks by their folder, two values or kind: {len(masks)} files, such as {masks[0]}"


def check_places(jobs: Sequence[InputFile], written: Mapping[Path, str]) -> None:
    """Check that what is going to be written doesn't replace a frame.

    Args:
        jobs: all frames.
        written: path -> what is written there, in words.

    Raises:
        InputError: it does.
    """
    folders: dict[Path, Path] = {}
    places = {_place(path, folders): path for path in written}
    for job in jobs:
        targets = [real(job.path)] if job.path.is_symlink() else []
        for place in [_place(job.path, folders), *targets]:
            if place in places:
                path = places[place]
                raise InputError(f"{written[path]} would replace the frame {job.path}; choose another folder as --out")


def read(job: InputFile, size_px: int, *, view: ViewRule, swap: bool) -> ShownFrame | str:
    """Return what the model is shown of a frame, or why the file is refused.

    Args:
        job: of the frame.
        size_px: working size S.
        view: what of the frame is looked at.
        swap: whether red and blue change places.
    """
    if not job.path.is_file():  # opening a pipe would wait for ever
        return "a link that leads nowhere" if job.path.is_symlink() else "no regular file"
    try:
        picture, dim = read_frame(job.path, swap=swap)
    except (RefusedError, InputError) as error:
        return "an archive, to be unpacked first" if is_archive(job.path) else str(error)
    return show(picture, size_px, view=view, dim=dim, swapped=swap)


def view_rule(text: str) -> ViewRule:
    """Return the rule that the command line gives for what of a frame is looked at.

    Raises:
        InputError: it is neither auto nor full nor four numbers of 0 to 1 that hold some area.
    """
    try:
        rule = text if text in ("auto", "full") else [float(part) for part in text.split(",")]
        return Reading(view=rule).view  # type: ignore[arg-type]
    except ValueError:
        raise InputError(
            f"--view {text}: expected auto, full or left,top,right,bottom in parts of the frame, such as 0.25,0,1,1"
        ) from None


def sizes_px(text: str) -> list[int]:
    """Return the sizes that the command line gives, px.

    Raises:
        InputError: they are no whole numbers, or one stands there twice.
    """
    parts = text.split(",")
    sides = [side for part in parts if (side := whole_number(part.strip())) is not None]
    if len(set(sides)) < len(parts):
        raise InputError(f"--sizes {text}: expected sides in px, each once, such as 224,320")
    return sides


def _named(given: Sequence[Path], out: Path) -> list[tuple[Path, PurePosixPath]]:
    named = [pair for place in given for pair in _files(place, out, len(given) == 1)]
    first: dict[PurePosixPath, Path] = {}
    for path, name in named:
        if name in first:
            raise InputError(
                f"two of the frames given would both be called {without_ending(name)}; {_fix(first[name], path)}"
            )
        first[name] = path
    return named


def _fix(one: Path, other: Path) -> str:
    if real(one) == real(other):
        return f"name {one} once"
    return f"give the folder that holds them all: {os.path.commonpath([real(one), real(other)])}"


def _files(place: Path, out: Path, alone: bool) -> list[tuple[Path, PurePosixPath]]:
    outside = real(out)
    if place.exists() and not place.is_dir():
        if outside in (real(place.parent), real(place).parent):
            raise InputError(f"--out {out} is the folder of {place}: frames could be replaced; choose another folder")
        return [(place, PurePosixPath(place.name))]
    if not place.is_dir():
        raise InputError(f"there is no folder or file {place}; give the folder that holds the frames, or frames")
    below: list[Path] = []
    for folder, names in walked(place):
        check_apart(folder, out)
        below += [(folder / name).relative_to(place) for name in names]
    below.sort()
    above = PurePosixPath() if alone else PurePosixPath(real(place).name)
    return [(place / path, above / path.as_posix()) for path in below]


def _no_picture(path: Path, given: Sequence[Path]) -> bool:
    return path.suffix.lower() in _NO_PICTURES and path not in given


def stems_of(names: Iterable[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Return the frames' names without their endings; those that would be equal keep them."""
    stems = {name: without_ending(name) for name in names}
    while True:
        counts = Counter(stems.values())
        longer = {name: str(name) for name, stem in stems.items() if counts[stem] > 1 and stem != str(name)}
        if not longer:
            return stems
        stems |= longer


def _place(path: Path, folders: dict[Path, Path]) -> Path:
    """Return a path with its folder resolved: the entry that a renaming onto it replaces."""
    if path.parent not in folders:
        folders[path.parent] = real(path.parent)
    return folders[path.parent] / path.name
