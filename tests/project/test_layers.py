"""The house: an import runs downwards or along a floor, the library never imports stages, nor these one another."""

import pytest

import mcdrl
from mcdrl.study.code import module_file, named
from tests.projects import ROOT

FLOORS = (
    {"base"},
    {"view"},
    {"confounders", "metrics"},
    {"study", "artifacts"},
    {"imaging", "clip", "renderer", "drawing"},
    {"sites", "regions"},
    {"networks"},
    {"methods"},
    {"training", "model"},
    {"commands"},
    {"cli"},
)  # from the ground
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LIBRARY = sorted(path for path in (ROOT / "mcdrl").rglob("*.py"))
PIPELINE = sorted(path for path in (ROOT / "stages").rglob("*.py"))


def imports(path):
    """Dotted names of the project's modules that a file imports, at the top or inside functions."""
    return {name for name in named(path) if module_file(name) is not None}


def room(name):
    return name.split(".")[1] if "." in name else ""


def test_every_room_has_a_floor():
    rooms = {path.relative_to(ROOT / "mcdrl").parts[0].removesuffix(".py") for path in LIBRARY}
    assert rooms - {"__init__"} == set(FLOOR_OF)


def test_the_package_says_what_its_floors_are():
    told = " ".join(mcdrl.__doc__.split()).partition("from the ground: ")[2].partition(".")[0]
    assert [set(floor.split(", ")) for floor in told.split("; ")] == list(FLOORS)


@pytest.mark.parametrize("path", LIBRARY, ids=[path.relative_to(ROOT).as_posix() for path in LIBRARY])
def test_an_import_runs_downwards(path):
    own = path.relative_to(ROOT / "mcdrl").parts[0].removesuffix(".py")
    for name in imports(path):
        assert name.split(".")[0] == "mcdrl", f"the library imports the pipeline: {name}"
        if own != "__init__" and room(name) and room(name) != own:
            assert FLOOR_OF[room(name)] <= FLOOR_OF[own], f"{own} is below {room(name)}"


def test_no_two_rooms_import_each_other():
    arrows = {
        (path.relative_to(ROOT / "mcdrl").parts[0], room(name))
        for path in LIBRARY
        for name in imports(path)
        if room(name)
    }
    both = sorted((a, b) for a, b in arrows if a < b and (b, a) in arrows)
    assert not both


@pytest.mark.parametrize("path", PIPELINE, ids=[path.relative_to(ROOT).as_posix() for path in PIPELINE])
def test_stages_never_import_one_another(path):
    own = path.relative_to(ROOT / "stages").parts[0]
    others = {name for name in imports(path) if name.startswith("stages.") and room(name) != own}
    assert not others
