"""Wall time of `mcdrl run` beside `dvc repro`, and whether the bytes are equal: python -m tests.benchmarks.side_by_side

Each runs the whole default study in a new copy of the project: `dvc repro` with as many threads as a slot has, whose
bytes have to be equal, `mcdrl run`, and `dvc repro` as it comes, with all cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.runtime import usable_cores
from tests.benchmarks._ratios import keep
from tests.pipeline.repository import Repository
from tests.projects import ROOT

_THREADS = "OMP_NUM_THREADS"
_DVC = ("-m", "dvc", "repro")
_RUN = ("-c", "from mcdrl.cli import main; main()", "run", "--slots")


def timed(folder: Path, arguments: tuple[str, ...], further: Mapping[str, str], whole: bool) -> tuple[float, bytes]:
    """Return the seconds that a command takes for the study, and the dvc.lock that it leaves."""
    repository = Repository(folder)
    if whole:
        (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    environment = {key: value for key, value in repository.environment.items() if key != _THREADS}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env={**environment, **further}, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {done.returncode}")
    return time.perf_counter() - began, (folder / "dvc.lock").read_bytes()


def main(
    slots: Annotated[int, typer.Option(min=1, help="Stages at a time.")] = 2,
    whole: Annotated[bool, typer.Option(help="The default study; else the tests' tiny one of two cells.")] = True,
    out: Annotated[Path | None, typer.Option(help="Parquet that keeps the figures.")] = None,
) -> None:
    """Print the three times, their ratios, and whether the records are equal."""
    threads = {_THREADS: os.environ.get(_THREADS) or str(max(1, usable_cores() // slots))}
    with tempfile.TemporaryDirectory() as folder:
        alike, expected = timed(Path(folder, "alike"), _DVC, threads, whole)
        ours, found = timed(Path(folder, "ours"), (*_RUN, str(slots)), threads, whole)
        plain, _ = timed(Path(folder, "plain"), _DVC, {}, whole)
    print(f"dvc repro, {threads[_THREADS]} thread(s)   {alike:7.1f} s")
    print(f"mcdrl run --slots {slots}      {ours:7.1f} s   {ours / alike:.2f} of it")
    print(f"dvc repro, all cores     {plain:7.1f} s   mcdrl run takes {ours / plain:.2f} of it")
    if out is not None:
        beside = {f"{threads[_THREADS]} thread{'s' * (threads[_THREADS] != '1')}": alike, "all cores": plain}
        what = f"`mcdrl run --slots {slots}`, `dvc repro` of"
        rows = [{"what": f"{what} {name}", "round": 1, "unit": "s", "bare": bare} for name, bare in beside.items()]
        keep([{**row, "ours": ours} for row in rows], out)
    print(f"dvc.lock, hashes of all artifacts: {'equal' if found == expected else 'NOT EQUAL'}")


if __name__ == "__main__":
    typer.run(main)
