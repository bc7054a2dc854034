"""Processor time of a `dvc repro` with nothing to do beside that of trivial stages: python -m tests.benchmarks.no_op

In a project whose `dvc repro` has run. The trivial pipeline has as many stages, each of which copies one small file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import yaml

from tests.benchmarks._ratios import compare
from tests.project.dag import steps


def trivial(folder: Path, count: int) -> None:
    """Make a repository of so many stages that copy a file, and run them."""
    stages = {}
    for number in range(count):
        (folder / f"in{number}").write_text(f"{number}\n", encoding="utf-8")
        files = {"deps": [f"in{number}"], "outs": [f"out{number}"]}
        stages[f"copy{number}"] = {"cmd": f"cp in{number} out{number}", **files}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    repro_s(folder)


def repro_s(folder: Path) -> float:
    """Return the processor time of a `dvc repro` and all that it starts.

    Raises:
        SystemExit: it failed.
    """
    process = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"dvc repro in {folder} ended with {status}")
    return usage.ru_utime + usage.ru_stime


def main(
    project: Annotated[Path, typer.Argument(help="Where `dvc repro` has run.")] = Path(),
    rounds: Annotated[int, typer.Option(help="How often both take their turn.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Parquet that keeps the figures.")] = None,
) -> None:
    """Print the seconds of both, and their ratio."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        count = len(steps(project))
        trivial(folder, count)
        print(f"{count} stages")
        compare("no-op `dvc repro`", lambda: repro_s(project), lambda: repro_s(folder), rounds, "s", out)


if __name__ == "__main__":
    typer.run(main)
