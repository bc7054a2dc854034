"""What benchmarks gather over the trained cells of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.training.leaks import copies_across_split

Rows = Callable[[Path, Path], Iterable[Mapping[str, Any]]]


def copies(artifacts: Path, held_out: str | None) -> set[str]:
    """Return the frames that have a copy across training and validation of the other sites; no choice rests on them."""
    return copies_across_split(artifacts / "audit" / "audit.parquet", held_out)


def uncopied(ids: Iterable[str], artifacts: Path, held_out: str | None) -> list[str]:
    """Return validation frames without those of `copies`."""
    left_out = copies(artifacts, held_out)
    return [case for case in ids if case not in left_out]


def over_cells(artifacts: Path, rows: Rows) -> tuple[int, pd.DataFrame]:
    """Return how many cells there are, and the rows of all of them.

    Args:
        artifacts: what `dvc repro` wrote.
        rows: a cell's folder and `artifacts` -> its rows.
    """
    folders = sorted(path.parent for path in (artifacts / "train").glob("*/*/*/model.json"))
    return len(folders), pd.DataFrame([row for folder in folders for row in rows(folder, artifacts)])
