"""From params.yaml to a plan a variant, and to what all of them read of the frames' features."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core.base.params import METHODS, Section, Study
from stages.core.base.variants import resolved
from stages.core.contracts.plan import Encoding, Plan

_PACKAGE = "stages.core.methods."
_CACHED = (
    "frozen",
    "adapter",
    "suffix",
)  # modes that train on features; the others, on pixels


def plans(study: Study, train: Mapping[str, Any], kind: type[Section], mirrored: Sequence[str] = ()) -> Iterator[Plan]:
    """Yield the plan of each name in `methods`.

    Args:
        study: checked.
        train: the section `train` of params.yaml, checked.
        kind: its type, whose defaults fill what isn't given.
        mirrored: the ways of mirroring frames that `encode.flips` gives.
    """
    for name in study.methods:
        method, numbers = resolved(name, study.variants, train)
        whole = kind.model_validate(numbers).model_dump()
        flips = list(mirrored) if whole["flips"] else []
        yield Plan(variant=name, method=method, code=code_digest(method), train=whole, flips=flips)


def encoding(all_plans: Iterable[Plan]) -> Encoding:
    """Return what the given plans read of the frames' features beside dense map and image vector, which all of them do.

    A tuned miner looks at the maps in any mode; mirrored frames are encoded for the modes that train on features.
    """
    given = list(all_plans)
    cached = [plan for plan in given if plan.train["mode"] in _CACHED]
    tuned = any(plan.train["mining"] == "source_tuned" for plan in given)
    return Encoding(maps=bool(cached) or tuned, flips=max((plan.flips for plan in cached), key=len, default=[]))


def code_digest(method: str, folder: Path = METHODS) -> str:
    """Return the hex SHA-256 of a method's file and of the methods' files that it imports, directly or not."""
    digest = hashlib.sha256()
    for name in sorted(_closure(method, folder)):
        digest.update(name.encode() + (folder / f"{name}.py").read_bytes())
    return digest.hexdigest()


def _closure(method: str, folder: Path) -> set[str]:
    todo, seen = {method}, set[str]()
    while todo:
        name = todo.pop()
        seen.add(name)
        todo |= _imported(folder / f"{name}.py") - seen
    return seen


def _imported(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = [node.module or "" for node in tree if isinstance(node, ast.ImportFrom)]
    return {name.removeprefix(_PACKAGE) for name in names if name.startswith(_PACKAGE)}
