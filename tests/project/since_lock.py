"""Which steps would do something else than in the run that dvc.lock records: `python -m tests.project.since_lock`.

`plan` runs aside, and what it says is compared with what each step ran with; so are the parameters that each step
reads, and what lies outside of artifacts, as far as it is there and small. It informs; its exit code is 0.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from mcdrl.study.paths import ARTIFACTS, LOCK, PARAMS, plan_files
from stages.plan.__main__ import main as write_plans

PLANS = plan_files(ARTIFACTS).folder
LARGE = 2**26  # bytes; more takes too long to read


def planned() -> dict[str, str]:
    """Path -> MD5 of what `plan` says of the code, the cards and params.yaml as they are now."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "plan")
        write_plans(folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {(PLANS / path.relative_to(folder)).as_posix(): _md5(path) for path in files}


def data(lock: Mapping[str, Any]) -> dict[str, str]:
    """Path -> MD5, as DVC takes it, of what steps read that is no artifact, is there and isn't large."""
    deps = [dep for _, step in _steps(lock) for dep in step.get("deps", []) if dep.get("size", 0) <= LARGE]
    paths = {dep["path"] for dep in deps if not Path(dep["path"]).is_relative_to(ARTIFACTS)}
    return {path: _folder_md5(Path(path)) if Path(path).is_dir() else _md5(Path(path)) for path in sorted(paths)
            if Path(path).exists()}  # fmt: skip


def changed(lock: Mapping[str, Any], now: Mapping[str, str], params: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is otherwise -> the steps that depend on it; what `plan` no longer says counts, too.

    Args:
        lock: the contents of dvc.lock.
        now: as `planned` and `data` return it.
        params: the contents of params.yaml.
    """
    found: dict[str, list[str]] = {}
    for name, step in _steps(lock):
        for what in (*_files(step, now), *_params(step, params)):
            found.setdefault(what, []).append(name)
    return found


def _steps(lock: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the steps but `plan`, whose outcome is compared itself."""
    return ((name, step) for name, step in lock["stages"].items() if name != "plan")


def _files(step: Mapping[str, Any], now: Mapping[str, str]) -> Iterator[str]:
    for dep in step.get("deps", []):
        path = dep["path"]
        plan = Path(path).is_relative_to(PLANS) and "nfiles" not in dep
        if (plan or path in now) and now.get(path) != dep["md5"]:
            yield path


def _params(step: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    for key, value in step.get("params", {}).get(str(PARAMS), {}).items():
        if reduce(_below, key.split("."), params) != value:
            yield f"{PARAMS} {key}"


def _below(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def told(found: Mapping[str, list[str]]) -> list[str]:
    """Return a line for each thing that changed."""
    lines = [
        f"{path}: {', '.join(steps[:3])}{', ...' * (len(steps) > 3)} ({len(steps)})" for path, steps in found.items()
    ]
    return [f"since {LOCK} was written, these mean something else, and the steps behind them would run:", *lines]


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _folder_md5(folder: Path) -> str:
    files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    listed = [{"md5": _md5(path), "relpath": name} for name, path in files]
    return f"{hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False).hexdigest()}.dir"


def main() -> None:
    """Print what changed."""
    if not LOCK.is_file():
        print(f"there is no {LOCK} to compare with; `dvc repro` writes it")
        return
    lock, params = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (LOCK, PARAMS))
    found = changed(lock, {**data(lock), **planned()}, params)
    print("\n".join(told(found)) if found else f"every step means what it did when {LOCK} was written")


if __name__ == "__main__":
    main()
