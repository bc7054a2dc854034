"""The repository: its files, dvc.lock, and what DVC says of the artifacts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mcdrl.commands.doctor.check import NOTE, OK, PROBLEM, Check
from mcdrl.commands.project import WITHOUT, no_project
from mcdrl.commands.rehearsal import ALWAYS, unchanged
from mcdrl.commands.workspace import lock_damage
from mcdrl.study.paths import LOCK, PARAMS, PIPELINE

_AT_WORK = ("Unable to acquire lock", "is busy")  # how DVC says that another one of its processes is running
_LAST = ("report", "deploy")  # what they need is all but the phantom, which a study of other sites never makes
_STATUS_S, _BYTES_A_SECOND = 60, 10_000  # of dvc.lock, which DVC compares with the files: 43 s for 600 cells
_GIT_INIT = "git init && git add -A && git commit -m start"
_CLONE = "clone the repository: its top folder is a project; mcdrl sites add there takes your sites"
_MEND_LOCK = (
    f"git checkout {LOCK}; where git has no good one, delete it, then dvc commit -f if the artifacts are up to date, "
    "else dvc repro"
)


def absent(root: Path) -> Check:
    """Tell that a folder is no project's, what works nevertheless, and how to have one."""
    return Check("repository", PROBLEM, f"{no_project(root)}; {WITHOUT}", _CLONE)


def repository(root: Path) -> Check:
    """Look for the files that make a repository of the pipeline."""
    missing = [name for name in (PIPELINE.name, PARAMS.name, ".dvc") if not (root / name).exists()]
    if missing:
        fix = "run from the repository's top folder" if missing != [".dvc"] else f"{_GIT_INIT} && dvc init"
        return Check("repository", PROBLEM, f"no {', '.join(missing)} here", fix)
    return Check("repository", OK, "dvc.yaml, params.yaml, .dvc")


def lock(root: Path) -> list[Check]:
    """Return the damage of dvc.lock; nothing where there is none."""
    damage = lock_damage(root)
    return [Check("artifacts", PROBLEM, damage, _MEND_LOCK)] if damage else []


def _patience_s(root: Path) -> float:
    """Return how long DVC may take: longer with what it has to compare."""
    recorded = (root / LOCK).stat().st_size if (root / LOCK).is_file() else 0
    return _STATUS_S + recorded / _BYTES_A_SECOND


def stale(root: Path) -> Check:
    """Ask DVC which stages have to run again; it compares files with dvc.lock and runs nothing."""
    command = [sys.executable, "-m", "dvc", "status", "--json", "--with-deps", *_LAST]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, encoding="utf-8", errors="replace", check=True,
            timeout=_patience_s(root),
        )  # fmt: skip
        told = json.loads(done.stdout or "{}")
        changed = sorted(told.keys() - unchanged(root, [name for name, why in told.items() if why == ALWAYS]))
    except subprocess.CalledProcessError as error:
        said = " ".join([line.strip() for line in error.stderr.splitlines() if line.strip()][:2])
        if "not a git repository" in said:
            return Check(
                "artifacts", PROBLEM, "no git repository here, as in an unpacked ZIP; DVC needs one", _GIT_INIT
            )
        if str(LOCK) in said:
            return Check("artifacts", PROBLEM, f"DVC can't read {LOCK}: {said}", _MEND_LOCK)
        if any(words in said for words in _AT_WORK):
            return Check("artifacts", NOTE, f"DVC is at work elsewhere: {said}", "mcdrl doctor once that is done")
        return Check("artifacts", PROBLEM, f"DVC can't read the pipeline: {said}", "dvc status says it in full")
    except (OSError, subprocess.SubprocessError, ValueError):
        return Check("artifacts", NOTE, "DVC can't tell whether they are up to date", "dvc status says why")
    if not (root / LOCK).is_file():
        return Check("artifacts", NOTE, "nothing has been run yet", "dvc repro (--dry --force: only list its steps)")
    if not changed:
        return Check("artifacts", OK, "up to date")
    named = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return Check("artifacts", NOTE, f"stale or missing: {named}", "dvc repro")
