"""Reading all sites, a batch of frames at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mcdrl.artifacts.audit import PROFILE, SPLITS
from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.frames import FRAMES
from mcdrl.base.parallel import batches
from mcdrl.base.runtime import progress
from mcdrl.imaging.profile import measure
from mcdrl.study.paths import IngestedFiles
from stages.audit.prints import Prints, join, take_prints

_BATCH = 64


@dataclass(frozen=True)
class Sites:
    """All sites' frames, in the order of the sites, then of their cases.

    Attributes:
        cases: rows of cases.parquet, [N].
        prints: by which they are compared, [N].
        profile: rows of profile.parquet, [N].
    """

    cases: pd.DataFrame
    prints: Prints
    profile: pd.DataFrame

    @property
    def splits(self) -> pd.DataFrame:
        """The rows of splits.parquet."""
        return self.cases[list(SPLITS.schema.names)]


def read_sites(ingest: Path, sites: Sequence[str]) -> Sites:
    """Read the frames of all sites; memory holds a batch of them and each one's few numbers.

    Args:
        ingest: the folder with a folder a site.
        sites: their names, in any order; rows follow the names.

    Raises:
        InputError: a file is missing or damaged.
    """
    found = [_read_site(IngestedFiles(ingest / site), site) for site in sorted(sites)]
    cases = pd.concat([one[0] for one in found], ignore_index=True)
    profile = pd.concat([one[1] for one in found], ignore_index=True)
    return Sites(cases, join([part for one in found for part in one[2]]), profile)


def _read_site(files: IngestedFiles, site: str) -> tuple[pd.DataFrame, pd.DataFrame, list[Prints]]:
    cases = CASES.read(files.cases)
    geometry = GEOMETRY.read(files.geometry).set_index("case_id")
    ids = list(cases["case_id"])
    parts = list(batches(ids, _BATCH))
    prints, measured = [], []
    with FRAMES.read(files.frames) as store:
        for batch in progress(parts, f"looking at {site}", total=len(parts)):
            images = store.rows("image", batch)
            prints.append(take_prints(images))
            measured += [measure(image) for image in images]
    return cases, _profile(cases, geometry, pd.DataFrame(measured)), prints


def _profile(cases: pd.DataFrame, geometry: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    shares = geometry.loc[cases["case_id"]].filter(like="_share").reset_index(drop=True)
    area_px = cases["width_px"].astype(np.int64) * cases["height_px"]
    known = cases[["case_id", "site", "width_px", "height_px"]].assign(lesion_share=cases["lesion_area_px"] / area_px)
    rows = pd.concat([known, shares, measured.astype("float32")], axis=1)
    return rows[list(PROFILE.schema.names)].astype({"lesion_share": "float32"})
