"""Peak memory of `encode` and `train` against the number of frames: python -m tests.benchmarks.memory

Runs the pipeline on two phantom sites of 30 and of 300 frames, then each stage once more on its own, and prints the
largest resident set of each process as the operating system accounts it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import typer

from tests.pipeline.repository import Repository
from tests.project.dag import steps

MEASURED = ("encode@A", "train@mcdrl-A-0")
FRAMES = (30, 300)


def peak_mib(repository: Repository, command: str) -> float:
    """Run a stage's command again and return its peak resident set."""
    process = subprocess.Popen(
        [sys.executable, *shlex.split(command)[1:]], cwd=repository.folder, env=repository.environment
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return usage.ru_maxrss / 1024


def measure(frames: int) -> dict[str, float]:
    """Return the peak of each measured stage with so many frames a site."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder) / "copy")
        repository.edit(lambda params: params["phantom"].update(frames_per_site=frames))
        repository.dvc("repro", *MEASURED)
        commands = {step.name: step.cmd for step in steps(repository.folder)}
        return {name: peak_mib(repository, commands[name]) for name in MEASURED}


def main() -> None:
    """Print the table."""
    peaks = {frames: measure(frames) for frames in FRAMES}
    few, many = FRAMES
    for name in MEASURED:
        ratio = peaks[many][name] / peaks[few][name]
        shown = "   ".join(f"{frames} frames a site {peaks[frames][name]:6.0f} MiB" for frames in FRAMES)
        print(f"{name:18} {shown}   x{ratio:.3f}")


if __name__ == "__main__":
    typer.run(main)
