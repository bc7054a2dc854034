"""What a site reads lies below its root, which is what DVC watches."""

from pathlib import Path

import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.folders import above
from mcdrl.study.outside import holds_project, outside
from mcdrl.study.params import Site, check, resolve
from mcdrl.study.reading import Reading
from tests.projects import SHIPPED

OWN = {"card": "folder", "lesion_class": "polyp"}


@pytest.mark.parametrize(
    ("root", "keys", "wrong", "mend"),
    [
        (
            "data/x/images",
            {"images": "*", "masks": "../masks/{stem}.png"},
            "masks: '../masks/{stem}.png' leaves the root data/x/images,",
            "root: data/x, images: images/*, masks: masks/{stem}.png",
        ),
        (
            "data/x/a[1]/images",
            {"images": "*/*.png", "masks": "../../gt/{0}/{stem}.*", "folder_group": 0},
            "masks: '../../gt/{0}/{stem}.*' leaves",
            "root: data/x, images: a[[]1]/images/*/*.png, masks: gt/{2}/{stem}.*, folder_group: 2",
        ),
        (
            "d/x",
            {"masks": "../m/{stem}.png", "table": "../t.csv", "table_class": "kind", "lesion_class": None},
            "masks: '../m/{stem}.png' leaves the root d/x,",
            "root: d, images: x/images/*, masks: m/{stem}.png, table: t.csv",
        ),
        ("/d/x", {"masks": "/d/m/{stem}.*"}, "'/d/m/{stem}.*' leaves", "root: /d, images: x/images/*, masks: m/{stem}"),
        ("/d/x", {"masks": "/d/xy/{stem}.*"}, "'/d/xy/{stem}.*' leaves", "root: /d, images: x/images/*, masks: xy/"),
        ("d/x", {"masks": "../{path}.png"}, "'../{path}.png' leaves", "masks: {path}.png"),
    ],
)
def test_what_lies_outside_the_root_is_refused_with_the_root_that_holds_all_of_it(root, keys, wrong, mend):
    site = Site.model_validate({**OWN, "root": root, **keys})
    with pytest.raises(InputError, match="where nothing that changes is noticed; give a folder") as refused:
        resolve(site)
    assert wrong in str(refused.value)
    assert mend in str(refused.value)


BESIDE = "../masks/{stem}.png"


@pytest.mark.parametrize(
    ("root", "keys"),
    [
        ("x", {"masks": BESIDE}),  # the project would be the root
        ("../other/x", {"masks": "../../{stem}.png"}),  # what holds the project would
        ("/x", {"masks": BESIDE}),  # everything would
        ("d/x", {"polygons": "o/*.json", "table": "../t.csv", "table_group": "g"}),  # whose paths start at the root
    ],
)
def test_no_root_is_named_that_holds_more_than_the_site_or_unsays_a_table(tmp_path, monkeypatch, root, keys):
    (tmp_path / "clinic").mkdir()
    monkeypatch.chdir(tmp_path / "clinic")
    Path("dvc.yaml").touch()
    site = Site.model_validate({**OWN, "root": root, **keys})
    with pytest.raises(InputError, match=rf"noticed; bring what it reads below {root} \(as links to the files, too\)"):
        resolve(site)


def test_a_linked_root_has_other_folders_beside_it(tmp_path):
    (tmp_path / "far/store").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "far/store")
    reading = Reading(masks=BESIDE, lesion_class="polyp")
    told = {name: outside(str(tmp_path / name), reading) for name in ("linked", "far/store", "linked/north")}
    assert {name: "bring what it reads" in str(text) for name, text in told.items()} == {
        "linked": True, "far/store": False, "linked/north": False,
    }  # fmt: skip


def test_the_project_itself_is_no_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for root in (".", "..", str(tmp_path.parent)):
        assert not holds_project(root)
    Path("dvc.yaml").touch()
    for root in (".", "..", str(tmp_path.parent), "x/.."):
        with pytest.raises(InputError, match="holds the project and what it writes"):
            resolve(Site.model_validate({**OWN, "root": root, "masks": "m/{stem}.png"}))
    assert not holds_project("x")


@pytest.mark.parametrize(
    ("root", "masks"),
    [
        ("x", "{1}/../masks/{stem}.png"),
        ("x", "images/../masks/{stem}.png"),
        ("x", "../x/masks/{stem}.png"),
        ("x", "{path}/../../masks/{stem}.png"),  # as deep as the frames lie
        ("x", "..masks/{stem}.png"),
        ("/d/x", "/d/x/masks/{stem}.png"),
    ],
)
def test_a_path_that_stays_inside_or_comes_back_does(root, masks):
    assert outside(root, Reading(masks=masks, lesion_class="polyp")) is None


def test_all_of_params_yaml_is_looked_at():
    site = {"card": "phantom", "root": "data/phantom/A", "table": "../frames.csv"}
    with pytest.raises(InputError, match=r"sites\.A: table: '\.\./frames\.csv' leaves the root data/phantom/A"):
        check({**SHIPPED, "sites": {**SHIPPED["sites"], "A": site}})


@pytest.mark.parametrize(
    ("place", "folders"), [("a", 0), ("a/../b", 0), ("..", 1), ("../../a/..", 2), ("/t/x/y", 0), ("/t/y", 1)]
)
def test_how_far_a_place_goes_up(place, folders):
    assert above("/t/x", place) == folders
