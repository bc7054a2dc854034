"""From params.yaml to a plan a variant."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.base.params import METHODS, Section, Study
from stages.core.base.variants import resolved
from stages.core.contracts.plan import Plan

_PACKAGE = "stages.core.methods."


def plans(study: Study, train: Mapping[str, Any], kind: type[Section]) -> Iterator[Plan]:
    """Yield the plan of each name in `methods`.

    Args:
        study: checked.
        train: the section `train` of params.yaml, checked.
        kind: its type, whose defaults fill what isn't given.
    """
    for name in study.methods:
        method, numbers = resolved(name, study.variants, train)
        whole = kind.model_validate(numbers).model_dump()
        yield Plan(variant=name, method=method, code=code_digest(method), train=whole)


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
