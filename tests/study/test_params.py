"""params.yaml: strict, and all of its errors at once."""

from typing import Literal

import pytest
import yaml
from pydantic import Field

from mcdrl.base.errors import InputError
from mcdrl.base.section import Section
from mcdrl.study import missing, params
from mcdrl.study.params import STAGES_WITH_SECTION as REAL_STAGES
from mcdrl.study.params import check, load, load_study
from mcdrl.study.params import section_type as REAL_SECTION_TYPE
from mcdrl.study.variants import merged
from tests.projects import raw_study


class Inner(Section):
    rate: float = Field(gt=0)


class Alpha(Section):
    size_px: int = Field(ge=64, le=1024)
    mode: Literal["fast", "slow"]
    inner: Inner


class Beta(Section):
    batch_size: int = Field(ge=1)


ALPHA, BETA = {"size_px": 128, "mode": "fast", "inner": {"rate": 0.1}}, {"batch_size": 16}


@pytest.fixture(autouse=True)
def toy_stages(tmp_path, monkeypatch):
    """Two stages and two backbones of our own."""
    monkeypatch.setattr(params, "STAGES_WITH_SECTION", ("alpha", "beta"))
    monkeypatch.setattr(params, "section_type", {"alpha": Alpha, "beta": Beta}.__getitem__)
    (tmp_path / "backbones").mkdir()
    for name in ("lite0.yaml", "vit.yaml"):
        (tmp_path / "backbones" / name).touch()
    monkeypatch.setattr(params, "BACKBONE_CARDS", tmp_path / "backbones")


def good(**changed):
    raw = raw_study(weights={"vit": None}, methods=["plain"], seeds=[0, 1], alpha=ALPHA, beta=BETA)
    return {**raw, **changed}


@pytest.fixture
def path(tmp_path):
    def write(text):
        (tmp_path / "params.yaml").write_text(text if isinstance(text, str) else yaml.safe_dump(text))
        return tmp_path / "params.yaml"

    return write


def problems(raw):
    with pytest.raises(InputError) as error:
        check(raw)
    first, *lines = str(error.value).splitlines()
    assert first == f"params.yaml has {len(lines)} error(s):"
    return [line.strip() for line in lines]


def test_a_good_file_gives_study_and_section(path):
    study, alpha = load("alpha", Alpha, path(good()))
    assert (study.backbone, list(study.sites), study.seeds) == ("lite0", ["A", "B"], [0, 1])
    assert (alpha.size_px, alpha.mode, alpha.inner.rate) == (128, "fast", 0.1)
    assert load_study(path(good())) == study


@pytest.mark.parametrize("beta", [None, {}])
def test_a_key_that_is_not_there_is_told_with_what_the_shipped_file_has(monkeypatch, beta):
    monkeypatch.setattr(missing, "_shipped", lambda: {"beta": BETA, "alpha": ALPHA})
    told = "missing; the shipped params.yaml has"
    assert problems(good(beta=beta)) == [f"beta.batch_size: {told} 16"]
    alpha = {"size_px": 128, "inner": {}}
    assert problems(good(alpha=alpha)) == [f'alpha.mode: {told} "fast"', f"alpha.inner.rate: {told} 0.1"]
    monkeypatch.setattr(missing, "_shipped", lambda: None)
    assert problems(good(beta=beta)) == ["beta.batch_size: missing"]


@pytest.mark.parametrize("beta", [0, False, "", [], [1], "fast", 3])
def test_a_section_that_is_no_mapping_is_an_error(beta):
    assert len(problems(good(beta=beta))) == 1


def test_all_errors_come_at_once_each_with_its_place_and_the_nearest_key():
    raw = good(
        backbon="lite0",
        seeds=["0"],
        alpha={"size_pix": 3, "size_px": 32, "mode": "fats", "inner": {"rat": 1, "rate": 0}},
        beta={"batch_size": 1.5},
    )
    assert problems(raw) == [
        "backbon: unknown key; did you mean 'backbone'? legal: alpha, backbone, beta, held_out, lesion_classes, "
        "method_params, methods, seeds, sites, variants, weights",
        "seeds.0: Input should be a valid integer, got '0'",
        "alpha.size_px: Input should be greater than or equal to 64, got 32",
        "alpha.mode: Input should be 'fast' or 'slow', got 'fats'",
        "alpha.inner.rate: Input should be greater than 0, got 0",
        "alpha.inner.rat: unknown key; did you mean 'rate'? legal: rate",
        "alpha.size_pix: unknown key; did you mean 'size_px'? legal: inner, mode, size_px",
        "beta.batch_size: Input should be a valid integer, got 1.5",
    ]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"backbone": "lite"}, "backbone: unknown 'lite'; did you mean 'lite0'? legal: lite0, vit"),
        ({"weights": {"vitt": None}}, "weights: unknown 'vitt'; did you mean 'vit'? legal: lite0, vit"),
        ({"held_out": ["A", "C"]}, "held_out: unknown 'C'; legal: A, B"),
        ({"seeds": [0, 0]}, "seeds: a value stands twice in [0, 0]"),
        ({"held_out": ["A", "A"]}, "held_out: a value stands twice in ['A', 'A']"),
    ],
)
def test_names_that_nothing_stands_behind(changed, message):
    assert problems(good(**changed)) == [message]


def test_two_trainings_of_one_name_are_refused():
    """DVC would have one stage of that name, and the other would never be trained."""
    sites = {name: {"root": "r", "card": "folder", "lesion_class": "polyp"} for name in ("A-B", "B")}
    raw = good(sites=sites, held_out=["A-B", "B"], variants={"mcdrl-A": {"method": "mcdrl"}})
    assert problems({**raw, "methods": ["mcdrl", "mcdrl-A"]}) == [
        "methods and held_out: mcdrl at A-B and mcdrl-A at B would both be the training mcdrl-A-B-0; "
        "rename a variant or a site, with '_' in place of '-', say"
    ]
    check({**raw, "methods": ["mcdrl", "mcdrl-A"], "held_out": ["B"]})
    check({**raw, "methods": ["mcdrl-A"]})


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_is_no_path(blank):
    raw = good(weights={"vit": blank})
    raw["sites"]["A"]["root"] = blank
    told = f"a blank is no path; name a folder or a file, got {blank!r}"
    assert problems(raw) == [f"weights.vit: {told}", f"sites.A.root: {told}"]


@pytest.mark.parametrize("key", ["backbone", "weights", "sites", "held_out", "lesion_classes", "methods", "seeds"])
def test_a_missing_key_is_named(key):
    raw = good()
    del raw[key]
    assert any(line.startswith(f"{key}: missing") for line in problems(raw))


@pytest.mark.parametrize("key", ["held_out", "lesion_classes", "methods", "seeds"])
def test_an_empty_list_is_an_error(key):
    assert problems(good(**{key: []}))[0].startswith(f"{key}: List should have at least 1 item")


def test_one_site_is_too_few_to_leave_one_out():
    raw = good()
    del raw["sites"]["B"]
    assert problems(raw) == ["sites: 1 given; leaving one out needs at least 2"]


@pytest.mark.parametrize("name", ["a/b", "", "my site", "../x", ".hidden", "a;b", "C-1.2", "Köln", "-a", "a\n"])
def test_a_site_s_name_must_do_in_files_and_stages(name):
    raw = good()
    raw["sites"][name] = raw["sites"]["A"]
    assert problems(raw) == [f"sites: {name!r} can't be a site's name; use ASCII letters, digits, '_' and '-'"]


@pytest.mark.parametrize("name", ["mean", "worst", "all", "none"])
def test_a_site_can_t_be_called_like_several_sites_or_none(name):
    raw = good()
    raw["sites"][name] = raw["sites"]["A"]
    assert problems(raw) == [f"sites: '{name}' can't be a site's name; it stands for several sites, or for none"]


@pytest.mark.parametrize("name", ["yes", "no", "Off", "null", "12", "2024", "007", "1e5", "2024-01-01", "2024-13-40"])
def test_a_word_that_yaml_takes_for_something_else_names_no_site(name):
    assert f"'site_{name}'" in (params.unfit_site_name(name) or "")
    assert params.unfit_site_name(f"site_{name}") is None


@pytest.mark.parametrize("name", ["kvasir_seg", "C-12", "_x", "Mean"])
def test_names_of_plain_letters_do(name):
    raw = good()
    raw["sites"][name] = raw["sites"]["A"]
    assert name in check(raw).sites


def test_a_site_s_lesion_class_must_be_legal():
    raw = good()
    raw["sites"]["A"] = {**raw["sites"]["A"], "lesion_class": "polip"}
    (line,) = problems(raw)
    assert line.startswith("sites.A")
    assert "did you mean 'polyp'? legal: cyst, polyp" in line


def test_an_unknown_key_of_a_site_is_named_with_the_nearest():
    raw = good()
    raw["sites"]["A"] = {**raw["sites"]["A"], "mask_treshold": 3}
    (line,) = problems(raw)
    assert line.startswith("sites.A.mask_treshold: unknown key; did you mean 'mask_threshold'?")


@pytest.mark.parametrize(
    ("text", "value"), [("1e-05", 1e-5), ("1e5", 1e5), ("3.0E-4", 3e-4), ("-2e+3", -2000.0), ("0.5", 0.5)]
)
def test_numbers_are_read_as_by_dvc(path, text, value):
    """DVC writes `-S train.lr=0.00001` as 1e-05, which YAML 1.1 would take for text."""
    read = params.read_params(path(f"lr: {text}\n"))["lr"]
    assert read == value
    assert isinstance(read, float)


@pytest.mark.parametrize(("text", "value"), [("1e", "1e"), ("e5", "e5"), ("0x1e5", 0x1E5), ("12", 12)])
def test_other_scalars_are_left_alone(path, text, value):
    assert params.read_params(path(f"lr: {text}\n"))["lr"] == value


def test_a_key_that_stands_twice_is_an_error(path):
    with pytest.raises(InputError, match=r"key 'A' stands twice[\s\S]*line 2"):
        params.read_params(path("sites:\n  A: {root: a}\n  B: {root: b}\n  A: {root: c}\n"))


def test_merge_keys_and_anchors_serve(path):
    raw = params.read_params(path("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n"))
    assert raw["y"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not valid YAML"),
        ("- 1\n", "holds a list"),
        ("", "holds a NoneType"),
        ("a: !!python/name:os.x\n", "is not valid YAML"),
    ],
)
def test_unusable_files(path, text, message):
    with pytest.raises(InputError, match=message):
        load_study(path(text))


def test_a_missing_file_says_where_to_run(tmp_path):
    with pytest.raises(InputError, match="run from the repository's top folder"):
        load_study(tmp_path / "params.yaml")


@pytest.fixture
def trainable(monkeypatch):
    """A stage `train` whose section the variants may change."""
    monkeypatch.setattr(params, "STAGES_WITH_SECTION", ("train",))
    monkeypatch.setattr(params, "section_type", {"train": Alpha}.__getitem__)


def _varied(**variants):
    raw = good(variants=variants, train=ALPHA)
    del raw["alpha"], raw["beta"]
    return raw


def test_a_variant_names_a_method_and_its_own_numbers(trainable):
    raw = _varied(
        small={"method": "plain", "train": {"size_px": 64}}, other={"method": "causal", "params": {"depth": 1}}
    )
    study = check({**raw, "methods": ["small", "plain"]})
    assert study.variants["small"].train == {"size_px": 64}
    assert study.variants["other"].train == {}
    assert study.variants["other"].params == {"depth": 1}


def test_numbers_inside_a_section_are_overridden_one_by_one():
    base = {"a": 1, "inner": {"b": 2, "c": 3}}
    assert merged(base, {"inner": {"c": 4}}) == {"a": 1, "inner": {"b": 2, "c": 4}}
    assert merged(base, {"a": {"x": 1}, "inner": 5}) == {"a": {"x": 1}, "inner": 5}
    assert base == {"a": 1, "inner": {"b": 2, "c": 3}}


def test_all_that_is_wrong_with_variants_is_told_at_once_with_the_nearest_key(trainable):
    raw = _varied(
        a={"method": "plain", "train": {"size_pix": 64}},
        b={"method": "plain", "train": {"size_px": 1}},
        c={"method": "plain", "train": {"inner": {"rat": 0.2}}},
        **{"d d": {"method": "plain"}},
    )
    assert problems({**raw, "methods": ["b"]}) == [
        "variants: 'd d' can't be a variant's name; use ASCII letters, digits, '_' and '-'",
        "variants.a.train.size_pix: unknown key; did you mean 'size_px'? legal: inner, mode, size_px",
        "variants.b.train.size_px: Input should be greater than or equal to 64, got 1",
        "variants.c.train.inner.rat: unknown key; did you mean 'rate'? legal: rate",
    ]


def test_an_unknown_key_of_a_variant_is_told_with_the_legal_ones(trainable):
    raw = _varied(a={"method": "plain", "trian": {}})
    assert problems(raw) == ["variants.a.trian: unknown key; did you mean 'train'? legal: method, params, train"]


def test_what_is_wrong_with_train_itself_is_told_once(trainable):
    raw = _varied(a={"method": "plain", "train": {"mode": "slow"}}, b={"method": "plain"})
    raw["train"] = {**ALPHA, "size_px": 1}
    assert problems(raw) == ["train.size_px: Input should be greater than or equal to 64, got 1"]


def test_keys_that_are_the_methods_own_now_say_where_they_stand(trainable):
    raw = _varied(a={"method": "plain", "train": {"lambda_causal": 0.0}})
    raw["train"] = {**ALPHA, "depth": 3, "sum_over": []}
    assert problems(raw) == [
        "train.depth: it is the method's own, and stands in method_params.mcdrl.depth now",
        "train.sum_over: it is the method's own, and stands in method_params.viewpoint.sum_over now",
        "variants.a.train.lambda_causal: it is the method's own, and stands in variants.a.params.lambda_causal now",
    ]


def test_what_a_room_above_finds_wrong_is_told_beside_all_else():
    raw = good(beta={"batch_size": 0})
    with pytest.raises(InputError) as error:
        check(raw, further=lambda study, given: [f"{study.backbone} and {given['alpha']['mode']}"])
    assert str(error.value).splitlines()[1:] == [
        "  beta.batch_size: Input should be greater than or equal to 1, got 0", "  lite0 and fast",
    ]  # fmt: skip


def test_every_moved_key_stands_where_it_is_said_to():
    shipped = params.read_params()
    for key, method in missing.MOVED.items():
        assert key in shipped["method_params"][method]
        assert key not in shipped["train"]


def test_no_section_has_a_default_and_the_shipped_file_is_right():
    shipped = params.read_params()
    for name in REAL_STAGES:
        kind = REAL_SECTION_TYPE(name)
        assert [key for key, field in kind.model_fields.items() if not field.is_required()] == []
        assert kind.model_validate(shipped[name]).model_dump() == shipped[name]


@pytest.mark.parametrize("key", ["methods", "held_out", "lesion_classes", "backbone", "weights", "unknown"])
def test_a_name_of_thousands_of_letters_is_cut_in_every_message(key):
    name = "x" * 5000
    value = {"backbone": name, "weights": {name: None}, "unknown": 1}.get(key, [name, name])
    for sentence in problems(good(**{name if key == "unknown" else key: value})):
        assert "x" * 201 not in sentence
        assert len(sentence) < 600
