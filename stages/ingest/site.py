"""One site from its folder to its artifacts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.base.errors import InputError
from stages.core.base.params import Site
from stages.core.base.runtime import progress
from stages.core.base.stores import StoreWriter
from stages.core.contracts.cases import CASES, QUARANTINE
from stages.core.contracts.frames import FRAMES
from stages.ingest.folder import list_site
from stages.ingest.parallel import batches, in_order
from stages.ingest.params import Params
from stages.ingest.pixels import Pixels, read_pixels
from stages.ingest.remarks import RefusedError, Remark, grouped
from stages.ingest.review import Candidate, Case, Review
from stages.ingest.split import split_groups
from stages.ingest.table import Entry, read_table

_BATCH = 16  # frames written at a time


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
        refused: the rows of quarantine.parquet.
        notes: whatever else a person should know.
    """

    cases: pd.DataFrame
    refused: list[Remark]
    notes: list[Remark]


def find(name: str, site: Site) -> Found:
    """List a site's frames with their masks, groups and classes.

    Raises:
        InputError: folder, pattern or table of the site is wrong.
    """
    listing = list_site(Path(site.root), site.images, site.masks)
    table = read_table(Path(site.root) / site.table, site) if site.table else None
    found = Found([], listing.refused, listing.notes)
    for source in listing.sources:
        try:
            entry = table.entry(source) if table else Entry(None, None)
        except RefusedError as error:
            found.refused.append(Remark(source.file, error.kind, error.detail))
            continue
        case_id = f"{name}/{source.stem}"
        lesion_class = site.lesion_class or entry.lesion_class
        found.candidates.append(Candidate(source, case_id, entry.group or case_id, lesion_class))
    found.notes += table.unused() if table else []
    return found


def write_site(
    name: str, site: Site, params: Params, lesion_classes: Sequence[str], folder: Path, workers: int
) -> Ingested:
    """Decode a site's frames and write its three artifacts into `folder`.

    Args:
        name: the site's name.
        site: where its frames are.
        params: working size and share of validation groups.
        lesion_classes: the legal classes.
        folder: where `cases.parquet`, `quarantine.parquet` and `frames.h5` go.
        workers: threads that decode.

    Raises:
        InputError: the site's description is wrong, or not one of its frames can be used.
    """
    found = find(name, site)
    review = Review(name, site, lesion_classes)
    cases = _write_frames(name, found, review, params.size_px, folder / "frames.h5", workers)
    table = _case_table(name, cases, params.val_share)
    refused = sorted(found.refused, key=lambda remark: remark.file)
    CASES.write(table, folder / "cases.parquet")
    rows = [(remark.file, remark.text) for remark in refused]
    QUARANTINE.write(pd.DataFrame(rows, columns=["file", "reason"], dtype="str"), folder / "quarantine.parquet")
    return Ingested(table, refused, found.notes + review.notes + review.absent_classes())


def _write_frames(name: str, found: Found, review: Review, size_px: int, path: Path, workers: int) -> list[Case]:
    cases: list[Case] = []
    with FRAMES.write(path, None, {"site": name}) as store, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # of a damaged file; the quarantine says it better
        for batch in batches(_accepted(name, found, review, size_px, workers), _BATCH):
            _append(store, [pixels for _, pixels in batch])
            cases += [case for case, _ in batch]
        if not cases:
            reasons = "\n  ".join(grouped(found.refused))
            raise InputError(f"site {name}: not one of {len(found.refused)} frames can be used:\n  {reasons}")
        store.name_rows([case.case_id for case in cases])
    return cases


def _accepted(name: str, found: Found, review: Review, size_px: int, workers: int) -> Iterator[tuple[Case, Pixels]]:
    decode = partial(_decode, size_px=size_px, threshold=review.threshold)
    pixels = in_order(decode, found.candidates, workers)
    shown = progress(pixels, f"reading {name}", total=len(found.candidates))
    for candidate, decoded in zip(found.candidates, shown, strict=True):
        try:
            if isinstance(decoded, RefusedError):
                raise decoded
            yield review.accept(candidate, decoded), decoded
        except RefusedError as error:
            found.refused.append(Remark(candidate.source.file, error.kind, error.detail))


def _decode(candidate: Candidate, size_px: int, threshold: int) -> Pixels | RefusedError:
    try:
        return read_pixels(candidate.source.frame, candidate.source.mask, size_px, threshold)
    except RefusedError as error:
        return error


def _append(store: StoreWriter, pixels: Sequence[Pixels]) -> None:
    store.append(
        image=np.stack([one.image for one in pixels]),
        mask=np.stack([one.mask for one in pixels]),
        native_mask=[one.native_mask for one in pixels],
    )


def _case_table(name: str, cases: Sequence[Case], val_share: float) -> pd.DataFrame:
    sides = split_groups(name, [case.group_id for case in cases], val_share)
    rows = pd.DataFrame([asdict(case) for case in cases])
    rows["split"] = rows["group_id"].map(sides)
    return rows.reindex(columns=CASES.schema.names)
