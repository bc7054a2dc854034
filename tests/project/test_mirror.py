"""Tests mirror the house: tests/<room>/test_<file>.py is about mcdrl/<room>/<file>.py, tests/stages about stages."""

import pytest

from tests.projects import ROOT

OF_THE_WHOLE = {"benchmarks", "pipeline", "project"}  # about no file of the house
EXCEPTIONS = {
    "artifacts/test_schemas.py": "all contracts: what others rely on, and sample rows",
    "confounders/test_new_confounder.py": "what a further entry of the registry brings, all through the house",
    "metrics/test_new_metric.py": "what a further entry of the registry brings, all through the house",
    "methods/test_methods.py": "what every method has to do, one as the other",
    "methods/test_one_file.py": "what a further method of one file brings, all through the house",
    "sites/test_layouts.py": "published data sets, each by its card in data/sites",
    "sites/test_strangers_layouts.py": "layouts that annotation tools leave behind, by settings",
    "stages/pretrain/test_shipped.py": "data/lite0, lite1 and lite2, and the code that reads it",
    "stages/report/test_browser.py": "the page in a real browser",
}  # test -> what it is about
TESTS = sorted(path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py"))
MIRRORED = [path.as_posix() for path in TESTS if path.parts[0] not in OF_THE_WHOLE]


def mirrored(test):
    """The files of the house that a test may be about: a module, a package or its own module, or a stage's command."""
    path = ROOT / (test if test.startswith("stages/") else f"mcdrl/{test}")
    name = path.stem.removeprefix("test_")
    modules = [path.with_name(f"{written}.py") for written in (name, f"_{name}", f"__{name}__")]
    return [*modules, path.with_name(name) / "__init__.py"]


@pytest.mark.parametrize("test", sorted(set(MIRRORED) - set(EXCEPTIONS)))
def test_a_test_is_about_a_file_of_the_house(test):
    assert any(path.is_file() for path in mirrored(test)), f"no file of the house is called like tests/{test}"


@pytest.mark.parametrize("test", EXCEPTIONS)
def test_an_exception_is_one(test):
    assert test in MIRRORED
    assert not any(path.is_file() for path in mirrored(test))


@pytest.mark.parametrize("folder", sorted({path.parent.as_posix() for path in TESTS}))
def test_folders_of_tests_are_packages(folder):
    """Else two files of one name would be one module."""
    assert (ROOT / "tests" / folder / "__init__.py").is_file()
