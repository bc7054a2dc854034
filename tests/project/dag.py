"""Reads the project's own structure: the resolved DVC stages and the import closure of a module."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Step:
    name: str
    stage: str
    cmd: str
    deps: frozenset[str]
    outs: frozenset[str]
    params: frozenset[str]


def steps(root: Path = ROOT) -> list[Step]:
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    found = []
    with Repo(str(root)) as repo:
        for stage in repo.index.stages:
            params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
            files = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
            found.append(
                Step(
                    stage.name,
                    str(stage.cmd).split()[2].removeprefix("stages."),
                    str(stage.cmd),
                    frozenset(str(dep.def_path) for dep in files),
                    frozenset(str(out.def_path) for out in stage.outs),
                    frozenset(key for dep in params for key in dep.params),
                )
            )
    return found


def module_file(name: str, root: Path = ROOT) -> Path | None:
    base = root / Path(*name.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imported(path: Path, root: Path = ROOT) -> set[Path]:
    """The project's files that one file imports itself, at the top or inside a function."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {module_file(alias.name, root) for alias in node.names if alias.name.startswith("stages")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages"):
            found.add(module_file(node.module or "", root))
            found |= {module_file(f"{node.module}.{alias.name}", root) for alias in node.names}
    return {file for file in found if file is not None}


def has_code(path: Path) -> bool:
    """Whether a file holds more than its docstring."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def closure(start: set[Path], root: Path = ROOT) -> set[Path]:
    todo, seen = set(start), set()
    while todo:
        path = todo.pop()
        seen.add(path)
        todo |= imported(path, root) - seen
    return {path.relative_to(root) for path in seen if has_code(path)}


def code_files(paths: frozenset[str], root: Path = ROOT) -> set[Path]:
    """The Python files behind the declared dependencies that are code."""
    found: set[Path] = set()
    for name in paths:
        place = root / name
        if name.startswith("stages"):
            found |= set(place.rglob("*.py")) if place.is_dir() else {place}
    return {path.relative_to(root) for path in found if has_code(path)}
