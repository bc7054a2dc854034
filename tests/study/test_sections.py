"""Values that break something later are refused where they stand, in the sentence that says why."""

import pytest

from mcdrl.base.errors import InputError
from mcdrl.study.params import check, read_params, unfit_name, unfit_site_name
from tests.project.dag import ROOT

PAIR = ["A", "B"]
CONFOUNDERS = {"light": [f"light {number}" for number in range(4097)]}


@pytest.fixture(autouse=True)
def _from_the_top(monkeypatch):
    monkeypatch.chdir(ROOT)


def sentence(section, **given):
    raw = read_params()
    raw[section] = {**raw[section], **given}
    with pytest.raises(InputError) as refused:
        check(raw)
    assert len(str(refused.value)) < 700
    return str(refused.value)


@pytest.mark.parametrize(
    ("section", "key", "value", "twice"),
    [
        ("stress", "strengths", [0.5, 1.0, 0.5], "0.5"),
        ("encode", "flips", ["both", "both"], "'both'"),
        ("train", "views", ["colour", "colour"], "'colour'"),
        ("audit", "accepted", [PAIR, PAIR], "\\['A', 'B'\\]"),
        ("audit", "accepted", [PAIR, PAIR[::-1]], "\\['A', 'B'\\]"),
    ],
)
def test_a_list_holds_no_value_twice(section, key, value, twice):
    assert f"{section}.{key}: {twice} stands twice".replace("\\", "") in sentence(section, **{key: value})


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("train", "clip_norm", 1e-300, "should be 1e-06 at least: no weight would move"),
        ("train", "lr", 1e-300, "should be 1e-12 at least: no weight would move"),
        ("train", "lr_encoder", 5e-324, "should be 1e-12 at least"),
        ("build_confounders", "class_template", "{class}" + "x" * 2**20, "a text has 1,048,583 letters; 1,000 at most"),
        ("build_confounders", "background", "x" * 1001, "a text has 1,001 letters"),
        ("build_confounders", "confounders", {"light": ["x" * 1001]}, "a text has 1,001 letters"),
        ("build_confounders", "confounders", {"x" * 1001: ["light"]}, "a text has 1,001 letters"),
        ("build_confounders", "confounders", CONFOUNDERS, "4,097 phrases; 4,096 at most"),
    ],
)
def test_what_is_too_small_too_long_or_too_many_is_told(section, key, value, said):
    text = sentence(section, **{key: value})
    assert f"{section}.{key}".split(".background")[0] in text
    assert said in text


def test_the_bounds_hold_for_variants_too():
    raw = read_params()
    raw["variants"] = {**raw["variants"], "sharp": {"method": "mcdrl", "train": {"lr": 1e-99}}}
    with pytest.raises(InputError, match=r"variants\.sharp\.train\.lr: should be 1e-12 at least"):
        check(raw)


def test_names_of_files_have_a_length():
    assert unfit_name("v" * 100, "a variant's") is None
    assert "300 letters, 100 at most" in (unfit_name("v" * 300, "a variant's") or "")
    assert "300 letters, 100 at most" in (unfit_site_name("s" * 300) or "")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "a blank is no lesion class"),
        (" ", "a blank is no lesion class"),
        ("None", "'None' is no lesion class"),
        ("background", "'background' is no lesion class"),
        ("x" * 101, "a lesion class has 100 letters at most, this one 101"),
    ],
)
def test_a_lesion_class_has_a_name_that_says_nothing_else(name, problem):
    raw = read_params()
    with pytest.raises(InputError, match=rf"lesion_classes: {problem}; rename it, or take it out"):
        check({**raw, "lesion_classes": [*raw["lesion_classes"], name]})
