"""What annotation files say of frames, whatever their format."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from mcdrl.base.folders import composed, matching
from mcdrl.base.issues import Issue, RefusedError
from mcdrl.imaging.annotations.shapes import RunLengths, Shape, Shares
from mcdrl.imaging.outlines import Region, Size, beyond
from mcdrl.imaging.picture import ENDINGS, OTHER_ENDINGS, same_shape, size_text

Problem = tuple[str, str]  # kind and detail of a `RefusedError`
Name = tuple[str, ...]  # folders and name of a frame, without ending
_ENDING = re.compile(
    rf"(?<=.)(?:{'|'.join(map(re.escape, (*ENDINGS, *OTHER_ENDINGS)))})(?:\?.*)?\Z", re.DOTALL | re.IGNORECASE
)


@dataclass(frozen=True)
class Mark:
    """One thing marked in a frame.

    Attributes:
        place: where it stands, such as "annotations.json annotation 7".
        labels: what its label is called: the name, then the id if there is one.
        shape: what it covers; a problem: why nobody can tell.
    """

    place: str
    labels: tuple[str, ...]
    shape: Shape | Shares | Problem


@dataclass(frozen=True)
class Sheet:
    """All that files say of one frame.

    Attributes:
        place: where it stands.
        name: of the frame, from the site's root on as far as the file says.
        size: the frame's width and height as the file says; None: it doesn't.
        marks: what is marked in it.
        problem: why its frame can't be used; None: it can.
    """

    place: str
    name: Name
    size: Size | None
    marks: tuple[Mark, ...]
    problem: Problem | None = None


@dataclass
class Annotated:
    """What a site's annotation files say.

    Attributes:
        sheets: one a frame and file.
        declared: labels that the files declare, used or not.
        refused: entries that belong to no frame.
        notes: whatever else a person should know.
    """

    sheets: list[Sheet] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)
    refused: list[Issue] = field(default_factory=list)
    notes: list[Issue] = field(default_factory=list)


@dataclass(frozen=True)
class Annotation:
    """A lesion in a frame, as `mcdrl.imaging.outlines.draw` takes it.

    Attributes:
        place: where it stands.
        lesion_class: its class; see `Drawn`.
        shape: what it covers.
        of_size: width and height of the frame that it was drawn on, as the file says; None: it doesn't.
    """

    place: str
    lesion_class: str | None
    shape: Shape | Shares
    of_size: Size | None = None

    @property
    def drawn_on(self) -> Size | None:
        """Width and height of the frame that it was drawn on; None: its file doesn't say."""
        return self.shape.size if isinstance(self.shape, RunLengths) else self.of_size

    def on(self, size: Size) -> Region:
        """Return what it is on a frame.

        Raises:
            RefusedError: it was drawn on a frame of another size, lies far outside, or is damaged.
        """
        wanted = self.drawn_on
        if wanted is not None and wanted != size:
            told = f"{self.place}: of a frame of {size_text(wanted)}, this one is {size_text(size)}"
            raise RefusedError("annotation of another size", f"{told}; {_refitted(wanted, size)}")
        shape = self.shape.at(size) if isinstance(self.shape, Shares) else self.shape
        try:
            outside = beyond(shape.bounds, size)  # before its pixels are unpacked, which this bounds
            return Region(shape.area, outside, partial(shape.filled, size))
        except RefusedError as error:
            raise RefusedError(error.kind, f"{self.place}: {error.detail}") from None


def _refitted(drawn_on: Size, size: Size) -> str:
    """Return what makes an annotation fit a frame of another size than that on which it was drawn."""
    given = "give the frame that it was drawn on, or draw or save it at this one's size"
    if same_shape(drawn_on, size):
        return f"{given} (points, width and height times {size[0] / drawn_on[0]:.6g}; RLE by nearest neighbour)"
    if size[0] <= drawn_on[0] and size[1] <= drawn_on[1]:
        return f"{given}; if this one was cut from it, cut the annotation alike, or pad the frame"
    return given


def frame_name(text: str, folder: PurePosixPath | None = None) -> Name:
    """Return the name of a frame from the path of its file, as some system writes it, seen from a folder.

    Endings of pictures alone are cut off, with what is asked behind them in a URL: what is behind the last dot of
    "1.2.840.5", a DICOM UID, is none. Blanks around a name don't count.
    """
    parts: list[str] = []
    for part in map(str.strip, (*(folder.parts if folder else ()), *text.replace("\\", "/").split("/"))):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(composed(part))
    return (*parts[:-1], _ENDING.sub("", parts[-1]).strip()) if parts else ()


def name_of_own(place: PurePosixPath) -> Name:
    """Return the name of the frame that a file with its name, but for the ending, is of."""
    return tuple(composed(part.strip()) for part in (*place.parent.parts, place.stem))


def below(file: Path, root: Path) -> PurePosixPath:
    """Return a file's path below the root."""
    return PurePosixPath(file.relative_to(root).as_posix())


def known_labels(sheets: Iterable[Sheet], declared: Collection[str]) -> dict[str, int]:
    """Return label -> how often it is marked, the commonest first; one that is but declared has 0.

    No label is none where the shape can't be read either: such a mark costs its frame, and says nothing of others.
    """
    counts = dict.fromkeys(declared, 0)
    for mark in (mark for sheet in sheets for mark in sheet.marks):
        if not mark.labels[0] and isinstance(mark.shape, tuple):
            continue
        counts[mark.labels[0]] = counts.get(mark.labels[0], 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def files_of(root: Path, pattern: str) -> Sequence[Path]:
    """Return the files below a root that a pattern names, sorted, hidden ones aside.

    A link to nothing is one of them, so that whoever opens it says so.

    Raises:
        InputError: a folder that may hold some can't be read.
    """
    return [path for path in matching(root, pattern) if not path.is_dir()]
