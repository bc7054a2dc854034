"""A site's frames before any of them is decoded: with their masks or outlines, groups and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcdrl.base.issues import Issue, RefusedError
from mcdrl.imaging.outlines import Outline, Outlines, read_outlines
from mcdrl.sites.folder import Listing, Source, list_reading
from mcdrl.sites.grouping import class_of_folder, group_of_folder, group_of_sequence
from mcdrl.sites.table import Entry, SiteTable, names_of, names_of_file, read_table
from mcdrl.study.reading import Reading


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

    source: Source
    case_id: str
    group_id: str
    lesion_class: str | None
    outlines: tuple[Outline, ...] = ()

    @property
    def drawn(self) -> Path | tuple[Outline, ...]:
        """Where the lesions are: the mask's file, or outlines."""
        return self.source.mask if self.source.mask is not None else self.outlines


@dataclass
class Found:
    """A site's frames before any of them is decoded.

    Attributes:
        candidates: frames that may become cases, sorted by case id.
        refused: files that can't.
        notes: whatever else a person should know.
    """

    candidates: list[Candidate]
    refused: list[Issue]
    notes: list[Issue]


def find_candidates(name: str, root: Path, reading: Reading) -> Found:
    """List a site's frames with their masks or outlines, groups and classes.

    Raises:
        InputError: folder, pattern, table or outlines of the site are wrong.
    """
    listing = list_reading(root, reading)
    table = read_table(root / reading.table, reading) if reading.table else None
    outlines = read_outlines(root, reading) if reading.polygons else None
    sources, found = _own(table, listing) if table else (listing.sources, Found([], listing.refused, listing.notes))
    for source in sources:
        try:
            found.candidates.append(_candidate(name, source, reading, table, outlines))
        except RefusedError as error:
            found.refused.append(Issue(source.file, error.kind, error.detail))
    found.notes += table.unused() if table else []
    if outlines is not None:
        _tell_outlines(outlines, sources, found)
    return found


def _own(table: SiteTable, listing: Listing) -> tuple[list[Source], Found]:
    """Return what the rows of the table leave to this site: the frames, and what is said of them."""
    others = {source.file for source in listing.sources if table.elsewhere(names_of(source))}
    others |= {one.file for one in listing.refused if table.elsewhere(names_of_file(one.file))}
    sources = [source for source in listing.sources if source.file not in others]
    refused, notes = ([one for one in said if one.file not in others] for said in (listing.refused, listing.notes))
    left = [Issue(file, "frame of another site, by table_rows", "") for file in sorted(others)]
    return sources, Found([], refused, notes + left)


def _candidate(
    name: str, source: Source, reading: Reading, table: SiteTable | None, outlines: Outlines | None
) -> Candidate:
    if outlines is not None and source.stem in outlines.problems:
        raise RefusedError(*outlines.problems[source.stem])
    entry = table.entry(source) if table else Entry(None, None)
    case_id = f"{name}/{source.name}"
    folder_class = class_of_folder(source.file, reading.folder_class) if reading.folder_class else None
    return Candidate(
        source=source,
        case_id=case_id,
        group_id=_group(source, reading) or entry.group or case_id,
        lesion_class=reading.lesion_class or folder_class or _class_of(entry, reading),
        outlines=tuple(outlines.of.get(source.stem, ())) if outlines is not None else (),
    )


def _class_of(entry: Entry, reading: Reading) -> str | None:
    names = reading.class_names
    if names is None or entry.lesion_class is None:
        return entry.lesion_class
    if entry.lesion_class not in names:
        raise RefusedError("class without a name of ours", f"'{entry.lesion_class}'; list it in class_names")
    return names[entry.lesion_class]


def _group(source: Source, reading: Reading) -> str | None:
    if reading.folder_group is not None:
        return group_of_folder(source.file, reading.folder_group)
    if reading.sequence_ends is not None:
        return group_of_sequence(source.stem, reading.sequence_ends)
    return None


def _tell_outlines(outlines: Outlines, sources: Sequence[Source], found: Found) -> None:
    stems = {source.stem for source in sources}
    found.refused += outlines.refused
    found.notes += [Issue(stem, "outline without a frame", "") for stem in sorted(outlines.named - stems)]
    silent = (source.file for source in sources if source.stem not in outlines.named)
    found.notes += [Issue(file, "frame without any outline, taken as a negative", "") for file in silent]
