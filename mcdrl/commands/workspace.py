"""What DVC needs of the repository's folder: a dvc.lock that can be read, and paths that lead somewhere in a copy.

`dvc exp run --temp` and the queue work in a copy of the repository elsewhere: it holds what git doesn't ignore, what
DVC tracks, and what the pipeline makes. Relative paths to anything else lead nowhere there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mcdrl.base.strict_yaml import load_record
from mcdrl.study.paths import LOCK, PIPELINE, RENDERED

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
        value = load_record(text)
    except (UnicodeDecodeError, yaml.YAMLError):
        return f"{LOCK} is cut short or damaged: it is no YAML"
    if value is None:
        return f"{LOCK} is empty"
    stages = value.get("stages") if isinstance(value, dict) else None
    whole = isinstance(stages, dict) and all(isinstance(stage, dict) and "cmd" in stage for stage in stages.values())
    if not whole or stages is None:
        return f"{LOCK} is cut short or damaged: it doesn't list stages"
    if not text.endswith("\n"):
        return f"{LOCK} is cut short: it ends within a line"
    return _cut_last(stages, root)


def _cut_last(stages: Mapping[str, Mapping[str, Any]], root: Path) -> str:
    """Return what the last stage of a lock lacks, as a cut between two lines would leave it; empty: nothing."""
    if not stages:
        return ""
    name, stage = list(stages.items())[-1]
    wanted = _defined(root).get(name.partition("@")[0], {})
    deps, outs = stage.get("deps") or [], stage.get("outs") or []
    told = f"{LOCK} is cut short: the last stage, '{name}',"
    if not all(map(_is_whole, [*deps, *outs])):
        return f"{told} lists a file without its hash or size"
    as_many_deps = len(deps) == len(wanted.get("deps") or [])  # else dvc.yaml says more than when the stage ran
    if wanted.get("outs") and (not outs or (as_many_deps and len(outs) < len(wanted["outs"]))):
        return f"{told} has {len(outs)} of its {len(wanted['outs'])} outs"
    return ""


def _is_whole(entry: Any) -> bool:
    """Return whether an entry of a lock says what DVC writes of a file or a folder."""
    if not isinstance(entry, dict) or not {"hash", "md5"} & set(entry):  # a link's has another hash
        return isinstance(entry, dict) and len(entry) > 1
    wanted = {"md5", "size", *(["nfiles"] if str(entry.get("md5")).endswith(".dir") else [])}
    return wanted <= set(entry)


def _defined(root: Path) -> dict[str, dict[str, Any]]:
    """Return stage -> what dvc.yaml says of it, of a group what it says of each."""
    try:
        value = yaml.safe_load((root / PIPELINE).read_text(encoding="utf-8"))
        return {name: stage.get("do", stage) for name, stage in value["stages"].items()}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        return {}  # it is a problem by itself, and DVC tells it


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
