"""A plan that was damaged on the disk is told, and never followed."""

import json
import random
from typing import get_args

import pytest

from mcdrl.artifacts.plan import (
    EncodePlan,
    SitePlan,
    VariantPlan,
    Views,
    read_encoding,
    read_plan,
    read_site_plan,
    read_views,
    write_plan,
)  # fmt: skip
from mcdrl.base.errors import InputError
from mcdrl.imaging.flips import FLIPS
from mcdrl.study.flips import Flip
from mcdrl.study.reading import Reading
from mcdrl.study.sections.encode import Params

PLANS = {
    "encode": (EncodePlan(maps=True, flips=["horizontal", "both"]), read_encoding),
    "mcdrl": (
        VariantPlan(
            variant="mcdrl",
            method="mcdrl",
            code="0" * 64,
            params={"depth": 3},
            train={"lr": 0.1, "epochs": 3},
            flips=["vertical"],
        ),
        read_plan,
    ),
    "A": (
        SitePlan(site="A", root="data/A", reading=Reading(masks="masks/{stem}.*", lesion_class="polyp")),
        lambda path: read_site_plan(path, "A"),
    ),
    "views": (Views(view={"A": "full", "B": [0.25, 0.0, 1.0, 1.0]}), lambda path: read_views(path, ["A", "B"])),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_is_read_as_it_was_written(name, tmp_path):
    plan, read = PLANS[name]
    write_plan(plan, tmp_path / f"{name}.json")
    assert read(tmp_path / f"{name}.json") in (plan, ["full", [0.25, 0.0, 1.0, 1.0]])


@pytest.mark.parametrize("name", PLANS)
def test_every_damaged_letter_is_told(name, tmp_path):
    plan, read = PLANS[name]
    path = tmp_path / f"{name}.json"
    write_plan(plan, path)
    whole = path.read_text()
    drawn = random.Random(0)
    for place, letter in enumerate(whole):
        if letter.isspace():
            continue
        other = chr(ord(letter) ^ 1 << drawn.randrange(7))
        damaged = whole[:place] + other + whole[place + 1 :]
        path.write_text(damaged)
        if _says(damaged) == _says(whole):
            continue
        with pytest.raises(InputError, match=r"dvc repro"):
            read(path)


def _says(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("horizontal", "horizkntal", "flips.0: .*'horizontal', 'vertical' or 'both'.*horizkntal"),
        ("true", "false", "its digest doesn't fit"),
        ('"digest"', '"dihest"', "dihest: unknown key"),
    ],
)
def test_the_sentence_names_the_file_and_the_fix(old, new, said, tmp_path):
    path = tmp_path / "encode.json"
    write_plan(PLANS["encode"][0], path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=rf"encode\.json is damaged \({said}.*; delete it and run `dvc repro plan`"):
        read_encoding(path)


def test_flips_have_the_names_that_plans_and_params_take():
    assert list(FLIPS) == list(get_args(Flip))
    assert Params.model_fields["flips"].annotation == list[Flip]
