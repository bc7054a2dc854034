"""What benchmarks gather over the trained cells of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

Rows = Callable[[Path, Path], Iterable[Mapping[str, Any]]]


def over_cells(artifacts: Path, rows: Rows) -> tuple[int, pd.DataFrame]:
    """Return how many cells there are, and the rows of all of them.

    Args:
        artifacts: what `dvc repro` wrote.
        rows: a cell's folder and `artifacts` -> its rows.
    """
    folders = sorted(path.parent for path in (artifacts / "train").glob("*/*/*/model.json"))
    return len(folders), pd.DataFrame([row for folder in folders for row in rows(folder, artifacts)])
