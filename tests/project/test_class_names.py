"""A name means one thing: no two modules have a public class of the same name."""

import ast
from collections import defaultdict

from tests.projects import ROOT

SHARED = {
    "Params": "the numbers of each method and of each stage's section, found by this name",
}  # name -> why several modules have it


def modules_of_classes():
    """Return public class -> the modules that define it."""
    found = defaultdict(set)
    for package in ("mcdrl", "stages"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].add(path.relative_to(ROOT).as_posix())
    return found


def test_a_public_class_has_a_name_of_its_own():
    several = {name: sorted(places) for name, places in modules_of_classes().items() if len(places) > 1}
    assert {name: places for name, places in several.items() if name not in SHARED} == {}
    assert set(SHARED) <= set(several)
