"""Which steps would do something else than in the run that dvc.lock records: `python -m tests.project.since_lock`.

`plan` runs aside, and what it says is compared with what each step ran with. It informs; its exit code is 0.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mcdrl.study.paths import ARTIFACTS, LOCK, plan_files
from stages.plan.__main__ import main as write_plans

PLANS = plan_files(ARTIFACTS).folder


def planned() -> dict[str, str]:
    """Path -> MD5 of what `plan` says of the code, the cards and params.yaml as they are now."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "plan")
        write_plans(folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {(PLANS / path.relative_to(folder)).as_posix(): _md5(path) for path in files}


def changed(lock: Mapping[str, Any], now: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what `plan` says otherwise -> the steps that depend on it; what it no longer says counts, too.

    Args:
        lock: the contents of dvc.lock.
        now: as `planned` returns it.
    """
    found: dict[str, list[str]] = {}
    for name, step in lock["stages"].items():
        for dep in step.get("deps", []):
            if Path(dep["path"]).is_relative_to(PLANS) and "nfiles" not in dep and now.get(dep["path"]) != dep["md5"]:
                found.setdefault(dep["path"], []).append(name)
    return found


def told(found: Mapping[str, list[str]]) -> list[str]:
    """Return a line for each thing that changed."""
    lines = [
        f"{path}: {', '.join(steps[:3])}{', ...' * (len(steps) > 3)} ({len(steps)})" for path, steps in found.items()
    ]
    return [f"since {LOCK} was written, these mean something else, and the steps behind them would run:", *lines]


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def main() -> None:
    """Print what changed."""
    if not LOCK.is_file():
        print(f"there is no {LOCK} to compare with; `dvc repro` writes it")
        return
    found = changed(yaml.safe_load(LOCK.read_text(encoding="utf-8")), planned())
    print("\n".join(told(found)) if found else f"every step means what it did when {LOCK} was written")


if __name__ == "__main__":
    main()
