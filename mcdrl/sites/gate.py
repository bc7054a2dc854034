"""Which frames of a site are let through, and what became of the others; nothing is written."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.base.errors import InputError
from mcdrl.base.issues import Issue, RefusedError, grouped
from mcdrl.base.parallel import in_order
from mcdrl.base.runtime import progress
from mcdrl.imaging.decode import DecodedFrame, read_pixels
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.imaging.unexplained import UnexplainedError
from mcdrl.sites.candidates import Candidate, find_candidates
from mcdrl.sites.folder import FrameFiles
from mcdrl.sites.review import Case, Review
from mcdrl.sites.split import split_groups
from mcdrl.sites.strengths import read_strengths
from mcdrl.study.reading import Reading
from mcdrl.study.sections.ingest import Params

_LARGE = 0.5  # of a frame; few lesions are larger
_GEOMETRY = [name for name in GEOMETRY.schema.names if name != "case_id"]


@dataclass(frozen=True)
class Ingested:
    """What became of a site's frames.

    Attributes:
        cases: the rows of cases.parquet.
        geometry: the rows of geometry.parquet.
        strengths: the rows of strengths.parquet; None: nobody has said what disturbs the frames.
        refused: the rows of quarantine.parquet.
        notes: whatever else a person should know.
        doubts: those of the notes by which all that follows from masks or colours may be wrong.
    """

    cases: pd.DataFrame
    geometry: pd.DataFrame
    strengths: pd.DataFrame | None
    refused: list[Issue]
    notes: list[Issue]
    doubts: list[Issue]


class Gate:
    """Lets the usable frames of one site through and remembers what became of the others; writes nothing."""

    def __init__(self, name: str, root: Path, reading: Reading, params: Params, lesion_classes: Sequence[str]) -> None:
        """List the site's frames.

        Raises:
            InputError: the site's folder isn't as `reading` says.
        """
        self._name, self._params, self._root, self._reading = name, params, root, reading
        self._found = find_candidates(name, self._root, self._reading)
        self._review = Review(name, self._reading, lesion_classes)
        self._recipe = ReadingRecipe(
            size_px=params.size_px,
            threshold=self._reading.mask_threshold,
            swap=self._reading.channels == "bgr",
            view=self._reading.view,
            values={lesion_class: index + 1 for index, lesion_class in enumerate(lesion_classes)},
            meanings=self._reading.mask_values,
        )
        self._cases: list[Case] = []
        self._geometry: list[tuple[int | float, ...]] = []
        self._bluish = self._in_lines = 0
        self._drawn: dict[str, list[str]] = {}
        self._unexplained: dict[tuple[str, ...], list[str]] = {}

    @property
    def sources(self) -> dict[str, FrameFiles]:
        """The files of each frame that may become a case, by case id."""
        return {one.case_id: one.source for one in self._found.candidates}

    def frames(self, workers: int) -> Iterator[tuple[Case, DecodedFrame]]:
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
                if case is not None and isinstance(pixels, DecodedFrame):
                    self._remember(case, pixels)
                    yield case, pixels

    def result(self) -> Ingested:
        """Return what became of the frames, once all of them were yielded.

        Raises:
            InputError: not one of them can be used, or their masks don't agree on which value is lesion.
        """
        refused = sorted(self._found.refused, key=lambda issue: issue.file)
        if not self._cases:
            reasons = "\n  ".join(grouped(refused))
            raise InputError(f"site {self._name}: not one of {len(refused)} frames can be used:\n  {reasons}")
        self._check_drawn()
        cases = _case_table(self._name, self._cases, self._params.val_share)
        geometry = pd.DataFrame(self._geometry, columns=_GEOMETRY).assign(case_id=cases["case_id"])
        beside, doubts = self._read_beside_others(), [*self._colours(), *self._areas(), *self._lines()]
        notes = [*self._found.notes, *self._review.notes, *self._review.absent_classes(), *doubts, *beside]
        doubts += beside if self._mostly_unexplained() else []
        return Ingested(cases, geometry[GEOMETRY.schema.names], self._strengths(), refused, notes, doubts)

    def _strengths(self) -> pd.DataFrame | None:
        accepted = {case.case_id for case in self._cases}
        sources = {case_id: source for case_id, source in self.sources.items() if case_id in accepted}
        return read_strengths(self._root, self._reading, sources)

    def _judge(self, candidate: Candidate, pixels: DecodedFrame | RefusedError) -> Case | None:
        try:
            if isinstance(pixels, RefusedError):
                raise pixels
            return self._review.accept(candidate, pixels)
        except RefusedError as error:
            self._found.refused.append(Issue(candidate.source.file, error.kind, error.detail))
            if isinstance(error, UnexplainedError):
                self._unexplained.setdefault(error.values, []).append(candidate.source.file)
            return None

    def _remember(self, case: Case, pixels: DecodedFrame) -> None:
        borders = pixels.borders
        shares = (borders.border_share, borders.panel_share, borders.overlay_share, borders.marker_share)
        self._cases.append(case)
        self._geometry.append((*pixels.crop_px, *shares))
        self._bluish += pixels.bluish
        self._in_lines += 2 * pixels.line_px > pixels.lesion_area_px
        if pixels.drawn is not None:
            self._drawn.setdefault(pixels.drawn, []).append(case.case_id)

    def _check_drawn(self) -> None:
        """Refuse a site whose masks are plain one by one and yet call different values lesion, or lack some label."""
        labelled = {values: files for values, files in self._unexplained.items() if len(values) > 1}
        if not self._drawn or (len(self._drawn) < 2 and not labelled):
            return
        found = "; ".join(f"{value} in {len(cases)}, e.g. {cases[0]}" for value, cases in sorted(self._drawn.items()))
        what = "masks of two values differ in the one that isn't background"
        if labelled:
            what = "masks of two values, where one can be taken for lesion, lie beside others of more"
            more = [f"{', '.join(one)} in {len(files)} refused, e.g. {files[0]}" for one, files in labelled.items()]
            found = "; ".join([found, *sorted(more)])
        raise InputError(
            f"site {self._name}: {what}: {found}; "
            "say what each means in mask_values: a lesion class, lesion, background or ignore"
        )

    def _mostly_unexplained(self) -> bool:
        """Return whether more masks hold values that nobody has explained than are plain."""
        unread, plain = self._counts()
        return unread > plain

    def _counts(self) -> tuple[int, int]:
        """Return how many masks hold values that nobody has explained, and how many were read as plain."""
        return sum(map(len, self._unexplained.values())), sum(map(len, self._drawn.values()))

    def _read_beside_others(self) -> list[Issue]:
        """Return an issue where some masks were read as plain beside others that hold more values."""
        unread, plain = self._counts()
        if not unread or not plain:
            return []
        detail = f"{plain} beside {unread} refused; mask_values says what a value means in all of them"
        return [Issue(self._name, "masks read as two values beside others of more", detail)]

    def _lines(self) -> list[Issue]:
        """Return an issue where most masks are drawn in lines, closed or not."""
        lesions = sum(case.lesion_area_px > 0 for case in self._cases)
        if 2 * self._in_lines <= lesions:
            return []
        detail = f"{self._in_lines} of {lesions} masks; if they are outlines, fill them, or give them as polygons"
        return [Issue(self._name, "lesions drawn as thin lines", detail)]

    def _areas(self) -> list[Issue]:
        """Return an issue where lesions fill most of most frames, as they do in masks of the background."""
        shares = [case.lesion_area_px / (case.width_px * case.height_px) for case in self._cases if case.lesion_area_px]
        large = sum(share > _LARGE for share in shares)
        if large < 2 or 2 * large <= len(shares):
            return []
        white = next(iter(self._drawn), "")
        table = f" or say so: mask_values={{0: lesion, {white}: background}}" if white in ("1", "255") else ""
        detail = f"{large} of {len(shares)} masks; if they show the background, invert them{table}"
        return [Issue(self._name, "lesion in more than half of the frame", detail)]

    def _colours(self) -> list[Issue]:
        if 2 * self._bluish <= len(self._cases):
            return []
        detail = f"{self._bluish} of {len(self._cases)} frames; if tissue looks blue, set channels: bgr"
        return [Issue(self._name, "more blue than red", detail)]


def _decode(candidate: Candidate, recipe: ReadingRecipe) -> DecodedFrame | RefusedError:
    try:
        source = candidate.source
        return read_pixels(source.frame, candidate.drawn, candidate.lesion_class, recipe, source.further)
    except RefusedError as error:
        return error


def _case_table(name: str, cases: Sequence[Case], val_share: float) -> pd.DataFrame:
    sides = split_groups(name, [case.group_id for case in cases], val_share)
    rows = pd.DataFrame([asdict(case) for case in cases])
    return rows.assign(split=rows["group_id"].map(sides)).reindex(columns=CASES.schema.names)
