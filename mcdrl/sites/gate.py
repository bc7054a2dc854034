"""One site from its folder to its artifacts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mcdrl.artifacts.cases import CASES, GEOMETRY, QUARANTINE, STRENGTHS
from mcdrl.artifacts.frames import FRAMES
from mcdrl.artifacts.stores import StoreWriter
from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError, Remark, grouped
from mcdrl.base.parallel import batches, in_order
from mcdrl.base.runtime import progress
from mcdrl.imaging.decode import Pixels, Recipe, read_pixels
from mcdrl.imaging.labels import UNEXPLAINED
from mcdrl.imaging.outlines import Outlines, read_outlines
from mcdrl.sites.folder import Listing, Source, list_reading
from mcdrl.sites.grouping import class_of_folder, group_of_folder, group_of_sequence
from mcdrl.sites.published import take_over
from mcdrl.sites.review import Candidate, Case, Review
from mcdrl.sites.split import split_groups
from mcdrl.sites.strengths import read_strengths
from mcdrl.sites.table import Entry, SiteTable, names_of, names_of_file, read_table
from mcdrl.study.paths import IngestedFiles
from mcdrl.study.reading import Reading
from mcdrl.study.sections.ingest import Params

_LARGE = 0.5  # of a frame; few lesions are larger
_BATCH = 16  # frames written at a time
_GEOMETRY = [name for name in GEOMETRY.schema.names if name != "case_id"]


@dataclass
class Found:
    """A site's frames before any of them is decoded.

    Attributes:
        candidates: frames that may become cases, sorted by case id.
        refused: files that can't.
        notes: whatever else a person should know.
    """

    candidates: list[Candidate]
    refused: list[Remark]
    notes: list[Remark]


@dataclass(frozen=True)
class Ingested:
    """What became of a site's frames.

    Attributes:
        cases: the rows of cases.parquet.
        geometry: the rows of geometry.parquet.
        strengths: the rows of strengths.parquet; None: nobody has said what disturbs the frames.
        refused: the rows of quarantine.parquet.
        notes: whatever else a person should know.
    """

    cases: pd.DataFrame
    geometry: pd.DataFrame
    strengths: pd.DataFrame | None
    refused: list[Remark]
    notes: list[Remark]


def write_site(
    name: str,
    root: Path,
    reading: Reading,
    params: Params,
    lesion_classes: Sequence[str],
    folder: Path,
    workers: int,
    splits: pd.DataFrame | None = None,
) -> Ingested:
    """Decode a site's frames and write its artifacts into `folder`.

    Args:
        name: the site's name.
        root: where its frames are.
        reading: how they are read.
        params: working size and share of validation groups.
        lesion_classes: the legal classes, in the order of their values in the masks.
        folder: where its `IngestedFiles` go; `strengths` if the site's table has what it takes.
        workers: threads that decode.
        splits: as `mcdrl.study.splits.read_splits` gives them; they count for the sites that they name.

    Raises:
        InputError: the folder isn't as `reading` says, not one of its frames can be used, or `splits` doesn't fit it.
    """
    files, gate = IngestedFiles(folder), Gate(name, root, reading, params, lesion_classes)
    with FRAMES.write(files.frames, None, {"site": name}) as store:
        for batch in batches(gate.frames(workers), _BATCH):
            _append(store, [pixels for _, pixels in batch])
        result = _split_as_published(name, gate.result(), splits)
        store.name_rows(result.cases["case_id"].tolist())
    CASES.write(result.cases, files.cases)
    GEOMETRY.write(result.geometry, files.geometry)
    rows = [(remark.file, remark.text) for remark in result.refused]
    QUARANTINE.write(pd.DataFrame(rows, columns=["file", "reason"], dtype="str"), files.quarantine)
    if result.strengths is not None:
        STRENGTHS.write(result.strengths, files.strengths)
    return result


class Gate:
    """Lets the usable frames of one site through and remembers what became of the others; writes nothing."""

    def __init__(self, name: str, root: Path, reading: Reading, params: Params, lesion_classes: Sequence[str]) -> None:
        """List the site's frames.

        Raises:
            InputError: the site's folder isn't as `reading` says.
        """
        self._name, self._params, self._root, self._reading = name, params, root, reading
        self._found = find(name, self._root, self._reading)
        self._review = Review(name, self._reading, lesion_classes)
        self._recipe = Recipe(
            size_px=params.size_px,
            threshold=self._reading.mask_threshold,
            swap=self._reading.channels == "bgr",
            crop=self._reading.crop == "black_border",
            values={lesion_class: place + 1 for place, lesion_class in enumerate(lesion_classes)},
            meanings=self._reading.mask_values,
        )
        self._cases: list[Case] = []
        self._geometry: list[tuple[int | float, ...]] = []
        self._bluish = self._in_lines = 0
        self._drawn: dict[str, list[str]] = {}

    def frames(self, workers: int) -> Iterator[tuple[Case, Pixels]]:
        """Yield the accepted frames, sorted by case id.

        Args:
            workers: threads that decode.
        """
        candidates = self._found.candidates
        decoded = in_order(partial(_decode, recipe=self._recipe), candidates, workers)
        shown = progress(decoded, f"reading {self._name}", total=len(candidates))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")  # of a damaged file; the quarantine says it better
            for candidate, pixels in zip(candidates, shown, strict=True):
                case = self._judge(candidate, pixels)
                if case is not None and isinstance(pixels, Pixels):
                    self._remember(case, pixels)
                    yield case, pixels

    def result(self) -> Ingested:
        """Return what became of the frames, once all of them were yielded.

        Raises:
            InputError: not one of them can be used, or their masks don't agree on which value is lesion.
        """
        refused = sorted(self._found.refused, key=lambda remark: remark.file)
        if not self._cases:
            reasons = "\n  ".join(grouped(refused))
            raise InputError(f"site {self._name}: not one of {len(refused)} frames can be used:\n  {reasons}")
        self._check_drawn()
        cases = _case_table(self._name, self._cases, self._params.val_share)
        geometry = pd.DataFrame(self._geometry, columns=_GEOMETRY).assign(case_id=cases["case_id"])
        notes = [
            *self._found.notes,
            *self._review.notes,
            *self._review.absent_classes(),
            *self._colours(),
            *self._areas(),
            *self._lines(),
            *self._doubtful(),
        ]
        return Ingested(cases, geometry[GEOMETRY.schema.names], self._strengths(), refused, notes)

    def _strengths(self) -> pd.DataFrame | None:
        accepted = {case.case_id for case in self._cases}
        sources = {one.case_id: one.source for one in self._found.candidates if one.case_id in accepted}
        return read_strengths(self._root, self._reading, sources)

    def _judge(self, candidate: Candidate, pixels: Pixels | RefusedError) -> Case | None:
        try:
            if isinstance(pixels, RefusedError):
                raise pixels
            return self._review.accept(candidate, pixels)
        except RefusedError as error:
            self._found.refused.append(Remark(candidate.source.file, error.kind, error.detail))
            return None

    def _remember(self, case: Case, pixels: Pixels) -> None:
        borders = pixels.borders
        shares = (borders.border_share, borders.panel_share, borders.overlay_share, borders.marker_share)
        self._cases.append(case)
        self._geometry.append((*pixels.crop_px, *shares))
        self._bluish += pixels.bluish
        self._in_lines += 2 * pixels.line_px > pixels.lesion_area_px
        if pixels.drawn is not None:
            self._drawn.setdefault(pixels.drawn, []).append(case.case_id)

    def _check_drawn(self) -> None:
        """Refuse a site whose masks are plain one by one and yet call different values lesion."""
        if len(self._drawn) < 2:
            return
        found = "; ".join(f"{value} in {len(cases)}, e.g. {cases[0]}" for value, cases in sorted(self._drawn.items()))
        raise InputError(
            f"site {self._name}: masks of two values differ in the one that isn't background: {found}; "
            "say what each means in mask_values: a lesion class, lesion, background or ignore"
        )

    def _doubtful(self) -> list[Remark]:
        """Return a remark where some masks were read as plain beside others that hold more values."""
        unread = sum(remark.kind == UNEXPLAINED for remark in self._found.refused)
        plain = sum(len(cases) for cases in self._drawn.values())
        if not unread or not plain:
            return []
        detail = f"{plain} beside {unread} refused; mask_values says what a value means in all of them"
        return [Remark(self._name, "masks read as two values beside others of more", detail)]

    def _lines(self) -> list[Remark]:
        """Return a remark where most masks are drawn in lines, closed or not."""
        lesions = sum(case.lesion_area_px > 0 for case in self._cases)
        if 2 * self._in_lines <= lesions:
            return []
        detail = f"{self._in_lines} of {lesions} masks; if they are outlines, fill them, or give them as polygons"
        return [Remark(self._name, "lesions drawn as thin lines", detail)]

    def _areas(self) -> list[Remark]:
        """Return a remark where lesions fill most of most frames, as they do in masks of the background."""
        shares = [case.lesion_area_px / (case.width_px * case.height_px) for case in self._cases if case.lesion_area_px]
        large = sum(share > _LARGE for share in shares)
        if large < 2 or 2 * large <= len(shares):
            return []
        detail = f"{large} of {len(shares)} masks; if they show the background, invert them"
        return [Remark(self._name, "lesion in more than half of the frame", detail)]

    def _colours(self) -> list[Remark]:
        if 2 * self._bluish <= len(self._cases):
            return []
        detail = f"{self._bluish} of {len(self._cases)} frames; if tissue looks blue, set channels: bgr"
        return [Remark(self._name, "more blue than red", detail)]


def find(name: str, root: Path, reading: Reading) -> Found:
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
            found.refused.append(Remark(source.file, error.kind, error.detail))
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
    left = [Remark(file, "frame of another site, by table_rows", "") for file in sorted(others)]
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
    found.notes += [Remark(stem, "outline without a frame", "") for stem in sorted(outlines.named - stems)]
    silent = (source.file for source in sources if source.stem not in outlines.named)
    found.notes += [Remark(file, "frame without any outline, taken as a negative", "") for file in silent]


def _decode(candidate: Candidate, recipe: Recipe) -> Pixels | RefusedError:
    try:
        source = candidate.source
        return read_pixels(source.frame, candidate.drawn, candidate.lesion_class, recipe, source.further)
    except RefusedError as error:
        return error


def _append(store: StoreWriter, pixels: Sequence[Pixels]) -> None:
    store.append(
        image=np.stack([one.image for one in pixels]),
        mask=np.stack([one.mask for one in pixels]),
        native_mask=[one.native_mask for one in pixels],
    )


def _split_as_published(name: str, result: Ingested, splits: pd.DataFrame | None) -> Ingested:
    if splits is None:
        return result
    cases, notes = take_over(name, result.cases, splits)
    return replace(result, cases=cases, notes=result.notes + notes)


def _case_table(name: str, cases: Sequence[Case], val_share: float) -> pd.DataFrame:
    sides = split_groups(name, [case.group_id for case in cases], val_share)
    rows = pd.DataFrame([asdict(case) for case in cases])
    return rows.assign(split=rows["group_id"].map(sides)).reindex(columns=CASES.schema.names)
