"""A small pipeline of shell commands, run by the real DVC: a plan, cells, what gathers them, and one stage beside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.projects import ROOT

CELLS = ("x", "y", "z")
PIPELINE = {
    "plan": {"cmd": "mkdir -p out/plan && cat in.txt | tee out/plan/a && wc -c < in.txt > out/plan/b"},
    "cell": {"cmd": "echo ${item.m} >> log.txt && cat out/plan/a | tee out/${item.m}"},
    "beside": {"cmd": "echo beside >> log.txt && cat out/plan/b | tee out/beside"},
    "gather": {"cmd": "echo gather >> log.txt && cat out/x out/y out/z out/beside | tee out/all"},
}


class Toy:
    """The folder of the pipeline.

    `log.txt` there, which DVC doesn't know, has a line for each stage that ran, in the order in which they began.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.extra = folder, {}
        folder.mkdir(parents=True, exist_ok=True)
        self.commands = {name: str(stage["cmd"]) for name, stage in PIPELINE.items()}
        shutil.copy(ROOT / "params.yaml", folder)  # of which the pipeline reads nothing, but which is checked
        self.write(".gitignore", "/out\n/log.txt\n")
        self.write("in.txt", "one\n")
        self.write_pipeline()
        shutil.copytree(ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache", "*.local"))
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def write_pipeline(self, **commands: str) -> None:
        """Write dvc.yaml, with some commands otherwise."""
        self.commands.update(commands)
        cmd = self.commands
        stages = {
            "plan": {"cmd": cmd["plan"], "deps": ["in.txt"], "outs": ["out/plan"]},
            "cell": {
                "matrix": {"m": list(CELLS)}, "cmd": cmd["cell"], "deps": ["out/plan/a"], "outs": ["out/${item.m}"],
            },
            "beside": {"cmd": cmd["beside"], "deps": ["out/plan/b"], "outs": ["out/beside"]},
            "gather": {
                "cmd": cmd["gather"], "deps": [*(f"out/{m}" for m in CELLS), "out/beside"], "outs": ["out/all"],
            },
        }  # fmt: skip
        self.write("dvc.yaml", yaml.safe_dump({"stages": stages}, sort_keys=False))

    @property
    def environment(self) -> dict[str, str]:
        environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
        return {**environment, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1", **self.extra}

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start `mcdrl run`."""
        return subprocess.Popen(
            [sys.executable, "-c", "from mcdrl.cli import main; main()", "run", *options],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *options: str) -> tuple[int, str, str]:
        """Call `mcdrl run`; return exit code, what it said, and what it complained of."""
        process = self.start(*options)
        said, complained = process.communicate(timeout=120)
        return process.returncode, said, complained

    def dvc(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def ran(self) -> list[str]:
        """Return what has run since the last time that this was asked, in the order of beginning."""
        path = self.folder / "log.txt"
        lines = path.read_text(encoding="utf-8").split() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()
