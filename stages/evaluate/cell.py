"""The tables of a cell of the study: what goes in, and how its rows are called."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.study.paths import Cell, site_files


def read_cases(cell: Cell, artifacts: Path) -> pd.DataFrame:
    """Return the held-out site's frames, as in `CASES`, with the columns of `GEOMETRY` beside them."""
    files = site_files(artifacts, cell.held_out)
    return CASES.read(files.cases).merge(GEOMETRY.read(files.geometry), on="case_id", validate="1:1")


def named(cell: Cell, rows: pd.DataFrame, leaked_frames: int) -> pd.DataFrame:
    """Return rows with the cell's name in front and, at the end, how many frames of its site were trained on."""
    names = pd.DataFrame({"method": cell.variant, "held_out": cell.held_out, "seed": cell.seed}, index=rows.index)
    return names.join(rows).assign(leaked_frames=leaked_frames)
