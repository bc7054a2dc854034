"""Which frames a model was trained on, and what they looked like: from its folder, else from its study.

`pack` and `deploy` lay both beside a model that leaves its study; of a folder without them nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mcdrl.artifacts.audit import PROFILE
from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.tables import Table
from mcdrl.artifacts.training_data import (
    FRAMES_FILE,
    SITES_FILE,
    SOME_FRAMES_FILE,
    TRAINING_FRAMES,
    TRAINING_SITES,
)
from mcdrl.metrics.shift import QUANTITIES, site_spreads
from mcdrl.model.facts import read_facts
from mcdrl.model.members import is_ensemble, members
from mcdrl.study.paths import artifacts_of, audit_files, site_files

_ENDS = (("left", "right"), ("top", "bottom"))
_CROP = [f"crop_{end}_px" for ends in _ENDS for end in ends]


@dataclass(frozen=True)
class KnownFrames:
    """Frames that models were trained on, or that chose their epoch.

    Attributes:
        site_of: SHA-256 of a frame's size and pixels, as in cases.parquet -> the source site that has it.
        complete: whether all of the models say of all of their frames which these are.
    """

    site_of: Mapping[str, str]
    complete: bool


def known_frames(models: Sequence[Path]) -> KnownFrames:
    """Return the frames that one or another of the models was trained on, as far as their folders or studies say it.

    Args:
        models: folders of models or of ensembles.

    Raises:
        InputError: a file is damaged, or a folder is no model's.
    """
    single = _single(models)
    found = [_told(model, TRAINING_FRAMES, FRAMES_FILE, _study_frames) for model in single]
    some = [
        _beside(model, TRAINING_FRAMES, SOME_FRAMES_FILE) if told is None else told
        for model, told in zip(single, found, strict=True)
    ]
    rows = [row for one in some if one is not None for row in zip(one["sha256"], one["site"], strict=True)]
    return KnownFrames(dict(rows), complete=all(one is not None for one in found))


def training_sites(models: Sequence[Path]) -> pd.DataFrame | None:
    """Return what the frames of the models' source sites looked like, as in `TRAINING_SITES`; None: one doesn't say.

    Args:
        models: folders of models or of ensembles; of sites of one name the first model's counts.

    Raises:
        InputError: as `known_frames`.
    """
    found = [_told(model, TRAINING_SITES, SITES_FILE, _study_sites) for model in _single(models)]
    told = [one for one in found if one is not None]
    if len(told) < len(found):
        return None
    return _first_of_each(told)


def write_training_data(models: Sequence[Path], out: Path) -> None:
    """Write what is known of the models' training frames into another folder, as far as it is.

    Raises:
        InputError: as `known_frames`.
    """
    frames, sites = known_frames(models), training_sites(models)
    write_known_frames(frames.site_of, out, complete=frames.complete)
    if sites is not None:
        write_training_sites([sites], out)


def write_known_frames(site_of: Mapping[str, str], folder: Path, *, complete: bool = True) -> None:
    """Write the frames that a model was trained on, SHA-256 -> site, into its folder.

    Args:
        site_of: as in `KnownFrames`.
        folder: the model's.
        complete: as in `KnownFrames`; of a model of which nothing is known no file is written.
    """
    if not complete and not site_of:
        return
    rows = pd.DataFrame({"site": list(site_of.values()), "sha256": list(site_of)}, dtype="str")
    file = FRAMES_FILE if complete else SOME_FRAMES_FILE
    TRAINING_FRAMES.write(rows.sort_values(["site", "sha256"], ignore_index=True), folder / file)


def write_training_sites(sites: Sequence[pd.DataFrame], folder: Path) -> None:
    """Write what the frames of a model's source sites looked like; of sites of one name the first counts."""
    TRAINING_SITES.write(_first_of_each(sites), folder / SITES_FILE)


def _first_of_each(sites: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(sites, ignore_index=True).drop_duplicates(list(TRAINING_SITES.key), ignore_index=True)


def _single(models: Iterable[Path]) -> list[Path]:
    return [one for folder in models for one in members(folder)]


def _told(
    model: Path, table: Table, name: str, of_study: Callable[[Path, Sequence[str]], pd.DataFrame | None]
) -> pd.DataFrame | None:
    """Return the table of a model's folder or of its ensemble's, else what its study says; None: nothing does."""
    told = _beside(model, table, name)
    if told is not None:
        return told
    sources, artifacts = read_facts(model).sources, artifacts_of(model)
    if artifacts is None or not all(site_files(artifacts, site).cases.is_file() for site in sources):
        return None
    return of_study(artifacts, sources)


def _beside(model: Path, table: Table, name: str) -> pd.DataFrame | None:
    places = (model, *[model.parent] * is_ensemble(model.parent))
    return next((table.read(place / name) for place in places if (place / name).is_file()), None)


def _study_frames(artifacts: Path, sources: Sequence[str]) -> pd.DataFrame:
    tables = [CASES.read(site_files(artifacts, site).cases) for site in sources]
    return pd.concat(tables, ignore_index=True)[list(TRAINING_FRAMES.schema.names)]


def _study_sites(artifacts: Path, sources: Sequence[str]) -> pd.DataFrame | None:
    path = audit_files(artifacts).profile
    if not path.is_file():
        return None
    profile, geometry = PROFILE.read(path), [GEOMETRY.read(site_files(artifacts, site).geometry) for site in sources]
    frames = profile.merge(pd.concat(geometry, ignore_index=True)[["case_id", *_CROP]], on="case_id", validate="1:1")
    return site_spreads(looks(frames))


def looks(frames: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `QUANTITIES`, and `site`, of frames.

    Args:
        frames: a row a frame, with the columns of profile.parquet that quantities are, and those of geometry.parquet
            that say what of a frame was looked at.
    """
    wide, high = (frames[f"crop_{end}_px"] - frames[f"crop_{start}_px"] for start, end in _ENDS)
    area = frames["width_px"].astype(np.int64) * frames["height_px"]
    lesion = frames["lesion_share"].where(frames["lesion_share"] > 0)
    whole = frames.assign(view_share=wide.astype(np.int64) * high / area, lesion_share=lesion)
    return whole[["site", *(quantity.column for quantity in QUANTITIES)]]
