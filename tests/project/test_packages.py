"""Whatever the code imports is declared in pyproject.toml, so that a new environment has it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.projects import ROOT


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked_for = ("export", "dicom", "video", "cluster")  # extras that the code asks for by name
    lines = project["dependencies"] + [line for name in asked_for for line in extras[name]]
    return {plain(re.match(r"[\w.-]+", line).group()) for line in lines}


def imported():
    names = set()
    for path in [*(ROOT / "mcdrl").rglob("*.py"), *(ROOT / "stages").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").split(".")[0])
    return names - set(sys.stdlib_module_names) - {"mcdrl", "stages"}


def test_every_import_is_declared():
    distributions = packages_distributions()
    missing = [n for n in sorted(imported()) if not {plain(d) for d in distributions.get(n, [])} & declared()]
    assert not missing
