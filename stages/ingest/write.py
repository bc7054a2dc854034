"""One site from its folder to its artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from mcdrl.artifacts.cases import CASES, GEOMETRY, QUARANTINE, STRENGTHS
from mcdrl.artifacts.frames import FRAMES
from mcdrl.artifacts.store_writer import StoreWriter
from mcdrl.base.parallel import batches
from mcdrl.imaging.decode import DecodedFrame
from mcdrl.sites.gate import Gate, Ingested
from mcdrl.sites.published import take_over
from mcdrl.study.paths import IngestedFiles
from mcdrl.study.reading import Reading
from mcdrl.study.sections.ingest import Params

_BATCH = 16  # frames written at a time


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
    rows = [(issue.file, issue.text) for issue in result.refused]
    QUARANTINE.write(pd.DataFrame(rows, columns=["file", "reason"], dtype="str"), files.quarantine)
    if result.strengths is not None:
        STRENGTHS.write(result.strengths, files.strengths)
    return result


def _append(store: StoreWriter, pixels: Sequence[DecodedFrame]) -> None:
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
