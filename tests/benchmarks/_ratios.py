"""Ratios of processor time to a bare loop's, measured in turn, printed and kept."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd


def cpu_s(work: Callable[[], object]) -> float:
    """Return the seconds of processor time, of all threads, that some work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(
    what: str, ours: Callable[[], float], bare: Callable[[], float], rounds: int, unit: str, out: Path | None
) -> None:
    """Measure both in turn, print a line a round and the median ratio, and keep the figures of what was measured.

    Args:
        what: is measured, as the kept table calls it.
        ours: does our side once and returns its processor time in `unit`.
        bare: likewise, the other side.
        rounds: how often both take their turn, after a first one that doesn't count.
        unit: of the figures.
        out: Parquet that the rows go into, in place of those that it has of the same; None: they aren't kept.
    """
    bare(), ours()
    print(f"round  {what:>12}  bare loop  ratio   ({unit})")
    rows = []
    for number in range(1, rounds + 1):
        theirs, own = bare(), ours()
        rows.append({"what": what, "round": number, "unit": unit, "ours": own, "bare": theirs})
        print(f"{number:5}  {own:12.3f}  {theirs:9.3f}  {theirs / own:5.2f}", flush=True)
    print(f"median ratio {statistics.median(row['bare'] / row['ours'] for row in rows):.2f}")
    if out is not None:
        keep(rows, out)


def keep(rows: Sequence[Mapping[str, object]], out: Path) -> None:
    """Put rows of what was measured into a Parquet, in place of those that it has of the same."""
    new = pd.DataFrame(rows)
    before = pd.read_parquet(out) if out.is_file() else new[:0]
    pd.concat([before[~before["what"].isin(new["what"])], new], ignore_index=True).to_parquet(out, index=False)
