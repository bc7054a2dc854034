"""A small copy of the project in a folder of its own, run by the real DVC."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.projects import ROOT

COPIED = (
    *("mcdrl", "stages", "data/backbones", "data/lite0", "data/lite1", "data/lite2", "data/sites", "data/splits.csv"),
    *("dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots"),
)


def tiny(params: dict[str, Any]) -> None:
    """Two sites, few frames, one method, one epoch."""
    for name in ("C", "D", "E"):
        del params["sites"][name]
    params["held_out"], params["methods"], params["seeds"] = ["A", "B"], ["mcdrl"], [0]
    params["phantom"]["frames_per_site"] = 12
    params["train"].update(epochs=1, intervene_from=0, batch_size=4)
    params["stress"].update(frames=1, strengths=[1.0])
    params["report"].update(bootstrap=100, examples=1)


class Repository:
    """The copy, its parameters and its commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        self.edit(tiny)
        self._call("git", "init", "-q")
        self._call("git", "config", "user.email", "test@example.org")
        self._call("git", "config", "user.name", "test")
        self.dvc("commit", "-f", "-q", "pretrain")
        self._call("git", "add", "-A")
        self._call("git", "commit", "-qm", "start")

    @property
    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "HF_HUB_OFFLINE": "1"}

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        place = self.folder / "params.yaml"
        params = yaml.safe_load(place.read_text(encoding="utf-8"))
        change(params)
        place.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._call(sys.executable, "-m", "dvc", *arguments, check=check)

    def sites(self, *arguments: str) -> None:
        """Call `mcdrl sites`."""
        self.mcdrl("sites", *arguments)

    def mcdrl(self, *arguments: str) -> None:
        """Call `mcdrl`."""
        self._call(sys.executable, "-c", "from mcdrl.cli import main; main()", *arguments)

    def repro(self) -> set[str]:
        """Run the pipeline; return the names of the stages that ran."""
        output = self.dvc("repro").stdout
        return set(re.findall(r"Running stage '([^']+)'", output))

    def _call(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if check and done.returncode:
            raise AssertionError(
                f"{command} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done
