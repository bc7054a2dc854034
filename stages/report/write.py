"""The folder of the report, complete or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mcdrl.artifacts.promise import write_promise
from mcdrl.base.files import atomic_folder, write_json
from mcdrl.base.text import spreadsheet_cell
from mcdrl.study.paths import promise_path
from stages.report.averages import ALL, MEAN, WORST
from stages.report.inputs import Inputs
from stages.report.page import render
from stages.report.promises import promises
from stages.report.results import Results
from stages.report.topic import Topic
from stages.report.topics import TOPICS

_TOTALS = (MEAN, WORST, ALL)


def write_report(results: Results, out: Path) -> None:
    """Write tables, metrics, promises and the page.

    Args:
        results: of the study.
        out: the folder that is replaced.
    """
    topics = [topic(results) for topic in TOPICS]
    pages = render(results, topics)
    tables = {name: rows for topic in topics for name, rows in topic.tables.items()}
    with atomic_folder(out) as folder:
        for name, rows in tables.items():
            _write_csv(marked(rows, results.inputs), folder / f"{name}.csv")
        for method, promise in promises(results, tables).items():
            write_promise(promise, promise_path(folder, method))
        write_json(metrics(topics, results.inputs), folder / "metrics.json")
        for name, html in pages.items():
            (folder / name).write_text(html, encoding="utf-8")


def marked(rows: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """Add what no figure may be read without: how many frames were seen in training, and whose weights these are."""
    return with_leaks(rows, inputs.leaked).assign(weights=inputs.weights)


def with_leaks(rows: pd.DataFrame, leaked: Mapping[str, int]) -> pd.DataFrame:
    """Add `leaked_frames`: of the row's held-out site, or of all of them where a row is about several."""
    total = sum(leaked.values())
    if "held_out" not in rows.columns:
        return rows.assign(leaked_frames=total)
    counts = [total if site in _TOTALS else leaked.get(site, 0) for site in rows["held_out"]]
    return rows.assign(leaked_frames=pd.Series(counts, index=rows.index, dtype="int64"))


def metrics(topics: Sequence[Topic], inputs: Inputs) -> dict[str, Any]:
    """Return the few numbers that `dvc metrics` follows; what is undefined is None, and `n_undefined` counts it."""
    values = {name: _figure(value) for topic in topics for name, value in topic.figures.items()}
    return {
        **values,
        "n_undefined": sum(value is None for value in values.values()),
        "random_weights": int(inputs.random_weights),
        "leaked_frames": sum(inputs.leaked.values()),
    }


def _figure(value: Any) -> float | int | None:
    if pd.isna(value):
        return None
    return value if isinstance(value, int) else round(float(value), 6)


def _write_csv(rows: pd.DataFrame, path: Path) -> None:
    rows.map(spreadsheet_cell).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
