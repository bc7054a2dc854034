"""What a site reads lies below its root, which is what DVC watches."""

import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.folders import above
from mcdrl.study.outside import outside
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
            "x",
            {"masks": "masks/{stem}.png", "table": "../t.csv", "table_class": "kind", "lesion_class": None},
            "table: '../t.csv' leaves the root x,",
            "root: ., images: x/images/*, masks: x/masks/{stem}.png, table: t.csv",
        ),
        (".", {"masks": "images/../../m/{stem}.*"}, "leaves the root .,", "root: .., "),
        ("/d/x", {"masks": "/d/m/{stem}.*"}, "'/d/m/{stem}.*' leaves", "root: /d, images: x/images/*, masks: m/{stem}"),
        ("/d/x", {"masks": "/d/xy/{stem}.*"}, "'/d/xy/{stem}.*' leaves", "root: /d, images: x/images/*, masks: xy/"),
        ("x", {"masks": "../{path}.png"}, "'../{path}.png' leaves", "masks: {path}.png"),
        (
            "x",
            {"polygons": "o/*.json", "table": "../t.csv", "table_group": "g"},
            "table: '../t.csv' leaves",
            "root: ., images: x/images/*, polygons: x/o/*.json, table: t.csv",
        ),
    ],
)
def test_what_lies_outside_the_root_is_refused_with_the_root_that_holds_all_of_it(root, keys, wrong, mend):
    site = Site.model_validate({**OWN, "root": root, **keys})
    with pytest.raises(InputError, match="where nothing that changes is noticed; give a folder") as refused:
        resolve(site)
    assert wrong in str(refused.value)
    assert mend in str(refused.value)


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
