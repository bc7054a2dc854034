"""What DVC needs of the repository's folder: a dvc.lock that can be read, and paths that lead somewhere in a copy.

`dvc exp run --temp` and the queue work in a copy of the repository elsewhere: it holds what git doesn't ignore, what
DVC tracks, and what the pipeline makes. Relative paths to anything else lead nowhere there.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from mcdrl.study.paths import LOCK, RENDERED

_MARKS = ("<<<<<<< ", "=======", ">>>>>>> ")


def lock_damage(root: Path) -> str:
    """Return what is wrong with dvc.lock; empty: it can be read, or isn't there."""
    path = root / LOCK
    if not path.is_file():
        return ""
    try:
        text = path.read_text(encoding="utf-8")
        marked = [number for number, line in enumerate(text.splitlines(), 1) if line.startswith(_MARKS)]
        if marked:
            return f"{LOCK} holds the conflict markers of a merge, the first in line {marked[0]}"
        value = yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError):
        return f"{LOCK} is cut short or damaged: it is no YAML"
    if value is None:
        return f"{LOCK} is empty"
    stages = value.get("stages") if isinstance(value, dict) else None
    whole = isinstance(stages, dict) and all(isinstance(stage, dict) and "cmd" in stage for stage in stages.values())
    return "" if whole else f"{LOCK} is cut short or damaged: it doesn't list stages"


def lost_in_a_copy(root: Path, place: str) -> str:
    """Return why a path leads nowhere in a copy of the repository; empty: it leads to the same place.

    Args:
        root: the repository's top folder.
        place: absolute, or relative to `root`.
    """
    if Path(place).is_absolute():
        return ""
    top, whole = Path(os.path.abspath(root)), Path(os.path.abspath(root / place))
    if not whole.is_relative_to(top):
        return "lies outside the repository"
    inside = whole.relative_to(top)
    if inside.is_relative_to(RENDERED) or _tracked_by_dvc(root, inside):
        return ""
    return "is ignored by git" if _ignored_by_git(top, whole) else ""


def lasting(root: Path, place: str) -> str:
    """Return a path as params.yaml is to hold it: absolute where it would lead nowhere in a copy of the repository."""
    return os.path.abspath(root / place) if lost_in_a_copy(root, place) else place


def _tracked_by_dvc(root: Path, inside: Path) -> bool:
    above = [path for path in (inside, *inside.parents) if path.name]
    return any((root / path).with_name(f"{path.name}.dvc").is_file() for path in above)


def _ignored_by_git(top: Path, whole: Path) -> bool:
    from dvc.scm import SCM, SCMError  # most of a second, and few ask

    try:
        scm = SCM(str(top), search_parent_directories=True)
        return bool(scm.is_ignored(f"{whole}{os.sep}" if whole.is_dir() else str(whole)))
    except SCMError:  # no git: nothing is ignored, and nothing is copied either
        return False
