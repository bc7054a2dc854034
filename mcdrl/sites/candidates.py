"""A site's frames before any of them is decoded: with their masks or outlines, groups and classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcdrl.base.folders import loosened
from mcdrl.base.issues import Issue, RefusedError
from mcdrl.imaging.outlines import Drawn, Outlines, read_outlines
from mcdrl.sites.annotations import read_annotations
from mcdrl.sites.folder import FrameFiles, Listing, list_reading
from mcdrl.sites.grouping import class_of_folder, group_of_folder, group_of_sequence
from mcdrl.sites.table import Entry, SiteTable, names_of, names_of_file, read_table
from mcdrl.study.reading import Reading

_NOBODY = frozenset(("-", "?", "<na>", "missing", "n/a", "na", "nan", "nil", "none", "null", "unbekannt", "unknown"))


@dataclass(frozen=True)
class Candidate:
    """A frame that may become a case.

    Attributes:
        source: the files.
        case_id: "<site>/<what its source is called>".
        group_id: patient or sequence; the case id where it is unknown.
        lesion_class: class of the lesion if there is one; None: nobody has said, or the outlines say it.
        outlines: the frame's lesions where the site has no masks.
    """

    source: FrameFiles
    case_id: str
    group_id: str
    lesion_class: str | None
    outlines: tuple[Drawn, ...] = ()

    @property
    def drawn(self) -> Path | tuple[Drawn, ...]:
        """Where the lesions are: the mask's file, or outlines."""
        return self.source.mask if self.source.mask is not None else self.outlines


@dataclass
class FoundFrames:
    """A site's frames before any of them is decoded.

    Attributes:
        candidates: frames that may become cases, sorted by case id.
        refused: files that can't.
        notes: whatever else a person should know.
    """

    candidates: list[Candidate]
    refused: list[Issue]
    notes: list[Issue]


def find_candidates(name: str, root: Path, reading: Reading) -> FoundFrames:
    """List a site's frames with their masks or outlines, groups and classes.

    Raises:
        InputError: folder, pattern, table or outlines of the site are wrong.
    """
    listing = list_reading(root, reading)
    table = read_table(root / reading.table, reading) if reading.table else None
    outlines = _outlines(root, reading, listing.sources)
    sources, found = (
        _own(table, listing) if table else (listing.sources, FoundFrames([], listing.refused, listing.notes))
    )
    for source in sources:
        try:
            found.candidates.append(_candidate(name, source, reading, table, outlines))
        except RefusedError as error:
            found.refused.append(Issue(source.file, error.kind, error.detail))
    found.notes += [*table.unused(), *_ungrouped(found.candidates, reading), *_idle(reading)] if table else []
    found.notes += _nobodys(name, found.candidates) if reading.table_group else []
    if outlines is not None:
        _tell_outlines(outlines, reading, listing.sources, found)
    return found


def _outlines(root: Path, reading: Reading, sources: Sequence[FrameFiles]) -> Outlines | None:
    if reading.annotations is not None:
        return read_annotations(root, reading, [source.file for source in sources])
    if reading.polygons is None:
        return None
    found, stems = read_outlines(root, reading), {source.stem for source in sources}
    loose = {loosened(name): name for name in sorted(found.named - stems)}
    found.near = {stem: loose[loosened(stem)] for stem in stems - found.named if loosened(stem) in loose}
    return found


def _outlined_as(source: FrameFiles, reading: Reading) -> str:
    """Return what `Outlines` call a frame."""
    return source.file if reading.annotations is not None else source.stem


def _own(table: SiteTable, listing: Listing) -> tuple[list[FrameFiles], FoundFrames]:
    """Return what the rows of the table leave to this site: the frames, and what is said of them."""
    others = {source.file for source in listing.sources if table.elsewhere(names_of(source))}
    others |= {one.file for one in listing.refused if table.elsewhere(names_of_file(one.file))}
    sources = [source for source in listing.sources if source.file not in others]
    refused, notes = ([one for one in said if one.file not in others] for said in (listing.refused, listing.notes))
    left = [Issue(file, "frame of another site, by table_rows", "") for file in sorted(others)]
    return sources, FoundFrames([], refused, notes + left)


def _candidate(
    name: str, source: FrameFiles, reading: Reading, table: SiteTable | None, outlines: Outlines | None
) -> Candidate:
    drawn = () if outlines is None else _drawn(outlines, _outlined_as(source, reading), reading)
    entry = table.entry(source) if table else Entry(None, None)
    case_id = f"{name}/{source.name}"
    folder_class = class_of_folder(source.file, reading.folder_class) if reading.folder_class else None
    return Candidate(
        source=source,
        case_id=case_id,
        group_id=_group(source, reading) or entry.group or case_id,
        lesion_class=reading.lesion_class or folder_class or _class_of(entry, reading),
        outlines=drawn,
    )


def _drawn(outlines: Outlines, frame: str, reading: Reading) -> tuple[Drawn, ...]:
    """Return the lesions that are drawn in a frame.

    Raises:
        RefusedError: nobody can tell.
    """
    if frame in outlines.problems:
        raise RefusedError(*outlines.problems[frame])
    if frame in outlines.near:
        told = f"'{outlines.near[frame]}', which no frame is called, differs in case, folders, ending or codes"
        raise RefusedError("annotation of nearly the same name", f"{told} such as %20; rename one")
    if frame not in outlines.named and reading.annotations is not None and reading.missing_mask == "refuse":
        told = f"'{reading.annotations}' doesn't name it; where that means no lesion: missing_mask: no_lesion"
        raise RefusedError("no annotation", told)
    return tuple(outlines.of.get(frame, ()))


def _class_of(entry: Entry, reading: Reading) -> str | None:
    names = reading.class_names
    if names is None or entry.lesion_class is None:
        return entry.lesion_class
    if entry.lesion_class not in names:
        raise RefusedError("class without a name of ours", f"'{entry.lesion_class}'; list it in class_names")
    return names[entry.lesion_class]


def _idle(reading: Reading) -> list[Issue]:
    """Return an issue where a table is named of which no column is."""
    if any((reading.table_group, reading.table_class, reading.table_rows, reading.table_strengths)):
        return []
    detail = "table_group names the column of the patient; table_class, table_rows, table_strengths others"
    return [Issue(str(reading.table), "table of which only the names of the frames count", detail)]


def _ungrouped(candidates: Sequence[Candidate], reading: Reading) -> list[Issue]:
    """Return an issue for each frame whose cell in `table_group` is empty."""
    alone = [one for one in candidates if reading.table_group is not None and one.group_id == one.case_id]
    detail = f"{reading.table_group} is empty; frames of one patient may come to both sides of the split"
    return [Issue(one.source.file, "no group in the table, taken for a group of its own", detail) for one in alone]


def _nobodys(site: str, candidates: Sequence[Candidate]) -> list[Issue]:
    """Return an issue for each group of several frames whose name may mean that nobody knows their patient."""
    counts = Counter(one.group_id for one in candidates if one.group_id.casefold() in _NOBODY)
    detail = "frames, which count as one patient's; if nobody knows whose they are, leave their cells empty"
    kind = "group called as if nobody knew whose it is"
    return [Issue(site, kind, f"'{name}': {count} {detail}") for name, count in sorted(counts.items()) if count > 1]


def _group(source: FrameFiles, reading: Reading) -> str | None:
    if reading.folder_group is not None:
        return group_of_folder(source.file, reading.folder_group)
    if reading.sequence_ends is not None:
        return group_of_sequence(source.stem, reading.sequence_ends)
    return None


def _tell_outlines(outlines: Outlines, reading: Reading, sources: Sequence[FrameFiles], found: FoundFrames) -> None:
    frames = {_outlined_as(source, reading) for source in sources}
    what = "outline" if reading.annotations is None else "annotation"
    found.refused += outlines.refused
    found.notes += outlines.notes
    found.notes += [Issue(name, f"{what} without a frame", "") for name in sorted(outlines.named - frames)]
    silent = [one.source for one in found.candidates if _outlined_as(one.source, reading) not in outlines.named]
    found.notes += [Issue(source.file, f"frame without any {what}, taken as a negative", "") for source in silent]
