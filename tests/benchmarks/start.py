"""What start-up takes of the pipeline's processor time: python -m tests.benchmarks.start OUT.parquet

Runs the default study by `dvc repro` in a new copy of the project, then every stage and command with --help, and
imports the libraries that take longest. Each process tells its processor time and what of that went into Python's start
and into imports, wherever in the process they stand (`imports_told/sitecustomize.py`). No clock is read, so that a busy
machine disturbs little. OUT receives a row a process; `python -m tests.benchmarks.start_table OUT` makes a table of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from tests.command_tree import command_tree
from tests.pipeline.repository import Repository
from tests.projects import ROOT

HOOK = Path(__file__).parent / "imports_told"
HELP, IMPORT, STUDY = "--help", "import", "dvc repro"
LIBRARIES = (
    *("torch", "torch._dynamo", "torchvision", "timm", "lightning_fabric", "open_clip", "kornia", "monai"),
    *("pandas", "pyarrow", "h5py", "scipy.ndimage", "scipy.stats", "sklearn", "matplotlib", "PIL"),
)
_ALONE = ("torch", "torch._dynamo", "timm", "lightning_fabric", "pandas")  # what each takes with all that it loads
_MCDRL = ("-c", "from mcdrl.cli import main; main()")


def told(command: Sequence[str], folder: Path, environment: dict[str, str]) -> list[dict[str, Any]]:
    """Run Python with some arguments; return what each of its processes told, and, last, the sum over all of them.

    Raises:
        SystemExit: it failed.
    """
    with tempfile.TemporaryDirectory() as place:
        path = os.pathsep.join([str(HOOK), *filter(None, [environment.get("PYTHONPATH")])])
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder, env={**environment, "PYTHONPATH": path, "IMPORTS_TOLD": place}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} ended with {status}")
        rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(place).iterdir())]
    return [*rows, {"arguments": ["all"], "cpu_s": usage.ru_utime + usage.ru_stime, "start_s": 0.0, "modules": []}]


def name_of(arguments: Sequence[str]) -> str:
    """Return what a process was, by its arguments: the stage, dvc, or what a stage started."""
    if arguments[0] == "all":
        return "all"
    module = arguments[1] if arguments[0] == "-m" else ""
    return module.removeprefix("stages.") if module == "dvc" or module.startswith("stages.") else "further processes"


def study(folder: Path) -> Iterator[dict[str, Any]]:
    """Run the default study in a copy of the project and yield a row a process."""
    repository = Repository(folder)
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for row in told(("-m", "dvc", "repro"), folder, repository.environment):
        yield _row(STUDY, name_of(row["arguments"]), row)


def explained() -> Iterator[dict[str, Any]]:
    """Yield a row for every stage and command that says what it is for."""
    stages = sorted(path.parent.name for path in (ROOT / "stages").glob("*/__main__.py"))
    commands = [(name, ("-m", f"stages.{name}")) for name in stages]
    commands += [(" ".join(["mcdrl", *words]), (*_MCDRL, *words)) for words in command_tree()]
    for name, command in commands:
        yield _row(HELP, name, told((*command, "--help"), ROOT, dict(os.environ))[0])


def alone() -> Iterator[dict[str, Any]]:
    """Yield a row for each library that a process imports and then ends."""
    for name in _ALONE:
        yield _row(IMPORT, name, told(("-c", f"import {name}"), ROOT, dict(os.environ))[0])


def _row(what: str, name: str, row: dict[str, Any]) -> dict[str, Any]:
    loaded = " ".join(library for library in LIBRARIES if library in row["modules"])
    return {"what": what, "name": name, "cpu_s": row["cpu_s"], "start_s": row["start_s"], "loaded": loaded}


def main(
    out: Annotated[Path, typer.Argument(help="Parquet to write.")],
    whole: Annotated[bool, typer.Option(help="The default study, too; it takes minutes.")] = True,
) -> None:
    """Write a row a process."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [*(study(Path(folder) / "copy") if whole else ()), *explained(), *alone()]
    pd.DataFrame(rows).to_parquet(out, index=False)


if __name__ == "__main__":
    typer.run(main)
