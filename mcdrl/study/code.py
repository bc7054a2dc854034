"""What code means: a digest of all that a stage or a method imports, so that it runs anew when its code does otherwise.

A digest is the SHA-256 over the syntax trees of the import closure without docstrings: comments, layout and words for
people change nothing. What no artifact depends on (`NO_EFFECT`: it refuses input, prints, shows progress, ends a
command, says where files are, as dvc.yaml does, or takes these digests, as `plan` does after any edit) is left out; the
values that it lets through are tracked as parameters, or travel in what `plan` writes.

The trees are written out by the running Python (`ast.unparse`), whose minor versions may differ in it: another Python
may run every stage anew.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mcdrl.study.paths import STAGES, is_project

ROOT = Path(__file__).parents[2]
PACKAGES = ("mcdrl", "stages")
NO_EFFECT = (
    "mcdrl.base.errors", "mcdrl.base.output", "mcdrl.base.runtime", "mcdrl.base.section", "mcdrl.base.strict_yaml",
    "mcdrl.methods._checking", "mcdrl.sites.summary", "mcdrl.study.agreement", "mcdrl.study.code",
    "mcdrl.study.missing", "mcdrl.study.params", "mcdrl.study.paths", "mcdrl.study.reading", "mcdrl.study.sections",
    "mcdrl.study.site_cards", "stages.audit.summary", "stages.build_confounders.review",
)  # fmt: skip
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def digest(modules: Iterable[str], root: Path = ROOT) -> str:
    """Return the hex SHA-256 of what some modules and all that they import mean.

    Args:
        modules: dotted names, such as "stages.train.__main__".
        root: the folder that holds the packages.

    Raises:
        SyntaxError: a file isn't Python.
    """
    total = hashlib.sha256()
    for name, path in sorted((_spelled(path, root), path) for path in closure(modules, root)):
        total.update(name.encode() + b"\0" + _meaning(path) + b"\0")
    return total.hexdigest()


def closure(modules: Iterable[str], root: Path = ROOT) -> set[Path]:
    """Return the project's files behind some modules and all that they import, at the top or inside functions.

    Files that hold nothing but a docstring and those of `NO_EFFECT` are left out; what lies in a folder `templates`
    beside a file belongs to it.

    Args:
        modules: dotted names.
        root: the folder that holds the packages.
    """
    todo, seen = _files(modules, root), set[Path]()
    while todo:
        path = todo.pop()
        seen.add(path)
        todo |= imported(path, root) - seen
    return {path for path in seen if _meaning(path)} | {file for path in seen for file in _templates(path)}


def imported(path: Path, root: Path = ROOT) -> set[Path]:
    """Return the project's files that one file imports itself, without those of `NO_EFFECT`."""
    return _files(named(path, root), root)


def named(path: Path, root: Path = ROOT) -> frozenset[str]:
    """Return the dotted names that a file imports; `from a import b` may mean a.b or something inside a.

    Args:
        path: a file of the project's.
        root: the folder that holds the packages.
    """
    package = tuple(Path(_spelled(path, root)).parent.parts)
    return _named(path.read_text(encoding="utf-8"), package)


def module_file(name: str, root: Path = ROOT) -> Path | None:
    """Return the file of a module or package of the project; None: it has none, or isn't the project's."""
    package = name.partition(".")[0]
    if package not in PACKAGES:
        return None
    base = home(package, root) / Path(*name.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def home(package: str, root: Path = ROOT) -> Path:
    """Return the folder that holds a package: the project's, of stages that run there beside an installed library.

    Args:
        package: `mcdrl` or `stages`.
        root: the folder that holds the library.
    """
    apart = package == STAGES.name and root == ROOT and is_project() and STAGES.is_dir()
    return Path.cwd() if apart else root


def _spelled(path: Path, root: Path) -> str:
    """Return a file as it is called wherever the packages lie."""
    stages = home(STAGES.name, root)
    return path.relative_to(stages if path.is_relative_to(stages / STAGES) else root).as_posix()


def _files(names: Iterable[str], root: Path) -> set[Path]:
    found = (module_file(name, root) for name in names if not _has_no_effect(name))
    return {file for file in found if file is not None}


@cache
def _named(source: str, package: tuple[str, ...]) -> frozenset[str]:
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = _module(node, package)
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def _module(node: ast.ImportFrom, package: tuple[str, ...]) -> str:
    """Return the module that something is imported from, `from .. import x` counted from a file's package."""
    above = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join([*above, *([node.module] if node.module else [])])


def _has_no_effect(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in NO_EFFECT)


def _templates(path: Path) -> list[Path]:
    folder = path.parent / "templates"
    return [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []


def _meaning(path: Path) -> bytes:
    """Return a file's code without docstrings and layout; a template as it is."""
    return _code(path.read_text(encoding="utf-8")) if path.suffix == ".py" else path.read_bytes()


@cache
def _code(source: str) -> bytes:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.unparse(tree).encode()
