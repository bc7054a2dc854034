"""A digest changes with what the code does, and with nothing else."""

import ast
import re
import shutil

import pytest

from mcdrl.methods import names
from mcdrl.study.code import NO_EFFECT, ROOT, closure, digest, module_file
from mcdrl.study.reading import Reading

MAIN = "stages.a.__main__"


@pytest.fixture
def house(tmp_path):
    """A stage that imports two files of a library, one of them inside a function, and nothing of the third."""
    files = {
        "stages/a/__main__.py": "from mcdrl.room import first\n\ndef main():\n    from mcdrl.room.second import two\n",
        "mcdrl/room/__init__.py": '"""A room."""\n',
        "mcdrl/room/first.py": '"""First."""\n\nONE = 1  # a number\n',
        "mcdrl/room/second.py": "from mcdrl.base.errors import InputError\n\ndef two():\n    return 2\n",
        "mcdrl/room/third.py": "three = 3\n",
        "mcdrl/base/errors.py": "class InputError(Exception):\n    pass\n",
        "stages/a/templates/page.html": "<p>\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def write(house, name, text):
    (house / name).write_text(text)
    return digest([MAIN], house)


def test_the_closure_is_what_is_imported_anywhere(house):
    found = {path.relative_to(house).as_posix() for path in closure([MAIN], house)}
    rooms = {"mcdrl/room/first.py", "mcdrl/room/second.py"}
    assert found == {"stages/a/__main__.py", "stages/a/templates/page.html", *rooms}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mcdrl/room/first.py", '"""Other words."""\n\nONE = 1\n'),
        ("mcdrl/room/first.py", "ONE   =   (1)  # said otherwise\n"),
        ("mcdrl/room/second.py", 'def two():\n    """Say two."""\n    return 2\n'),
        ("mcdrl/room/third.py", "three = 4\n"),
        ("mcdrl/base/errors.py", "class InputError(ValueError):\n    pass\n"),
        ("mcdrl/room/__init__.py", '"""A large room."""\n'),
    ],
)
def test_words_layout_and_what_is_not_imported_change_nothing(house, name, text):
    before = digest([MAIN], house)
    if "second" in name:
        text = "from mcdrl.base.errors import InputError\n" + text
    assert write(house, name, text) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mcdrl/room/first.py", "ONE = 2\n"),
        ("mcdrl/room/second.py", "def two():\n    return 3\n"),
        ("mcdrl/room/__init__.py", "SIZE = 3\n"),
        ("stages/a/templates/page.html", "<b>\n"),
    ],
)
def test_another_meaning_is_another_digest(house, name, text):
    before = digest([MAIN], house)
    assert write(house, name, text) != before


@pytest.mark.parametrize("words", [
    "from mcdrl.room.parts import two", "from .parts import two", "from . import parts", "from ..room import parts",
    "from ..room.parts import two",
])  # fmt: skip
def test_however_a_part_is_imported_it_belongs_to_the_digest(house, words):
    (house / "mcdrl/room/parts.py").write_text("two = 2\n")
    before = write(house, "mcdrl/room/first.py", f"{words}\n")
    assert write(house, "mcdrl/room/parts.py", "two = 3\n") != before


def test_a_part_of_a_packages_own_file_is_counted_from_the_package(house):
    (house / "mcdrl/room/parts.py").write_text("two = 2\n")
    before = write(house, "mcdrl/room/__init__.py", "from .parts import two\n")
    assert write(house, "mcdrl/room/parts.py", "two = 3\n") != before


def test_a_moved_file_is_another_digest(house):
    before = digest([MAIN], house)
    (house / "mcdrl/room/first.py").rename(house / "mcdrl/room/third.py")
    assert (
        write(house, "stages/a/__main__.py", "from mcdrl.room import third\nfrom mcdrl.room.second import two\n")
        != before
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project's own code at another place, with the digest of each stage."""
    root = tmp_path_factory.mktemp("copy")
    for package in ("mcdrl", "stages"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("mcdrl/base/choices.py", "ingest"),  # its words stand in the table of what was put aside
        ("mcdrl/base/issues.py", "ingest"),
    ],
)
def test_words_that_end_in_a_table_are_under_the_digest_of_who_writes_it(copy, name, stage):
    file, command = copy / name, [f"stages.{stage}.__main__"]
    before, source = digest(command, copy), file.read_text(encoding="utf-8")
    file.write_text(source + "\nOTHER = 1\n", encoding="utf-8")
    try:
        assert digest(command, copy) != before
    finally:
        file.write_text(source, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("mcdrl/base/output.py", "ingest"),
        ("mcdrl/sites/summary.py", "ingest"),
        ("stages/audit/summary.py", "audit"),
        ("stages/build_confounders/review.py", "build_confounders"),
    ],
)
def test_what_only_prints_is_under_no_digest(name, stage):
    assert ROOT / name not in closure([f"stages.{stage}.__main__"])


@pytest.mark.parametrize(("stage", "summary"), [("ingest", "summary"), ("audit", "summary")])
def test_what_a_stage_says_at_its_end_goes_nowhere_else(stage, summary):
    tree = ast.parse((ROOT / "stages" / stage / "__main__.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    said = [argument.func.id for call in calls if call.func.id == "say" for argument in call.args]
    assert said == [call.func.id for call in calls if call.func.id == summary]


def test_what_has_no_effect_exists():
    assert all(module_file(name, ROOT) for name in NO_EFFECT)


def stage_files():
    """The code that digests cover, of all stages but `plan`, which runs after any edit."""
    stages = [path.parent.name for path in (ROOT / "stages").glob("*/__main__.py") if path.parent.name != "plan"]
    methods = [f"mcdrl.methods.{name}" for name in names()]
    found = closure([*(f"stages.{stage}.__main__" for stage in stages), *methods])
    return sorted(path for path in found if path.suffix == ".py")


ALLOWED = {
    "mcdrl.base.errors": {"InputError", "lacks_memory", "shown"},
    "mcdrl.base.output": {"cell", "say", "warn"},
    "mcdrl.base.runtime": {"enough_memory", "loading", "progress", "run", "usable_cores", "free_memory_bytes"},
    "mcdrl.base.section": {
        *("Most", "Number", "Seed", "Share", "SizePx", "Threshold", "Weight"),
        *("Section", "distinct", "sentences", "validated"),
    },
    "mcdrl.base.strict_yaml": {"read_yaml"},
    "mcdrl.methods._checking": {"problems", "resolved_params", "with_methods"},
    "mcdrl.sites.summary": {"summary"},
    "mcdrl.study.code": {"digest"},
    "mcdrl.study.params": {"Study", "load", "load_study", "read_params"},
    "mcdrl.study.reading": {"AnnotationFormat", "Reading"},
    "mcdrl.study.site_cards": {"Licence"},
    "mcdrl.study.sections": {
        "Params",
        "AugmentParams",
        "Distillation",
        "MinerParams",
        "PatchParams",
        "Sampling",
        "SwadParams",
        "TextSimilarity",
        "Unlabelled",
    },
    "stages.audit.summary": {"summary"},
    "stages.build_confounders.review": {"neighbours", "show", "warnings"},
}  # values that DVC tracks as parameters or in plans, what refuses, runs or prints, and the key of a checkpoint


def without_digest(module):
    """The entry of `NO_EFFECT` that a module falls under; None: it has a digest."""
    return next((name for name in NO_EFFECT if module == name or module.startswith(f"{name}.")), None)


def test_what_changes_an_artifact_does_not_hide_where_no_digest_looks():
    """Of the modules without a digest, stages import types and what refuses, and nothing that computes."""
    hidden = set()
    for path in stage_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = without_digest(node.module or "") if isinstance(node, ast.ImportFrom) else None
            if module and module != "mcdrl.study.paths":
                names = {alias.name for alias in node.names}
                hidden |= {(path.name, module, name) for name in names - ALLOWED.get(module, set())}
    assert not hidden


def test_a_stage_calls_nothing_of_a_reading_but_what_it_tells_people():
    """`Reading` has no digest, so that a stage may use its values, which travel in the site's plan, and no more."""
    computed = {
        name for name, value in vars(Reading).items() if not name.startswith(("_", "model_")) and callable(value)
    }
    computed |= {name for name, value in vars(Reading).items() if isinstance(value, property)}
    assert {"classes", "open_classes", "gaps"} <= computed
    for path in closure(["stages.ingest.__main__"]):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & computed
        assert used <= ({"classes", "open_classes"} if path.name == "review.py" else set())  # of its notes


def test_no_artifact_says_what_stands_in_a_docstring():
    """Docstrings have no digest, so what is printed of one would stay old."""
    assert not [path.name for path in stage_files() if re.search("__doc__|getdoc", path.read_text(encoding="utf-8"))]


def test_what_the_train_command_reaches_has_no_readme():
    assert ROOT / "mcdrl/model/readme.py" not in closure(["stages.train.__main__"])


def test_how_digests_are_taken_trains_nothing_anew():
    assert ROOT / "mcdrl/study/code.py" not in closure(["stages.train.__main__"])


@pytest.mark.parametrize("method", ["baseline", "no_cdrl", "unet", "clipseg"])
def test_the_intervention_is_none_of_the_code_of_a_method_without_one(method):
    own = {ROOT / f"mcdrl/networks/{name}.py" for name in ("intervention", "intervening", "dictionary")}
    assert not own & closure([f"mcdrl.methods.{method}"])
    assert own <= closure(["mcdrl.methods.mcdrl"])
