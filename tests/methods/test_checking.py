"""The methods' own numbers in params.yaml: whose they are, and what is wrong with them."""

import subprocess
import sys

import pytest

from mcdrl.methods import names, params_type, resolved_params, with_methods
from mcdrl.study.params import check
from mcdrl.study.variants import Variant, merged
from tests.projects import ROOT, SHIPPED, problems

OWN = SHIPPED["method_params"]
PIXELS = {**SHIPPED["train"], "mode": "partial"}


@pytest.fixture(autouse=True)
def _from_the_top(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_shipped_file_is_right_for_every_method_and_says_nothing_twice():
    check({**SHIPPED, "methods": names(), "train": {**SHIPPED["train"], "mode": "finetune"},
           "variants": {"mixstyle": {"method": "mixstyle", "train": {"mode": "frozen"}}}},
          further=with_methods)  # fmt: skip
    for name in names():
        numbers = resolved_params(name, {}, OWN)
        assert params_type(name).model_validate(numbers).model_dump() == numbers


def test_what_is_deployed_is_checked_like_what_is_studied():
    deploy = {"methods": ["mcdlr"], "seeds": [0]}
    (line,) = problems(deploy=deploy)
    assert line.startswith("deploy.methods: unknown 'mcdlr'; did you mean 'mcdrl'?")
    lines = problems(deploy={**deploy, "methods": ["mixstyle"]}, train=PIXELS, variants={})
    assert lines == [line for line in lines if line.startswith("methods: mixstyle: train.mode is 'partial'")]
    assert "stands twice" in problems(deploy={**deploy, "methods": ["mcdrl", "mcdrl"]})[0]
    assert "deploy.seeds" in problems(deploy={"methods": [], "seeds": []})[0]
    assert "deploy.seeds" in problems(deploy={"methods": [], "seeds": [1, 1]})[0]
    check({**SHIPPED, "deploy": {"methods": [], "seeds": [0]}}, further=with_methods)


@pytest.mark.parametrize("name", names())
def test_no_number_of_a_method_has_a_default_and_each_has_a_meaning(name):
    kind = params_type(name)
    assert all(field.is_required() for field in kind.model_fields.values())
    told = "".join(base.__doc__ or "" for base in kind.__mro__)
    for key in kind.model_fields:
        assert f"{key}: " in told


@pytest.mark.parametrize("name", ["no_mtrs", "mcdrl_literal", "mcdrl_averaged", "mcdrl_viewpoint"])
def test_a_method_that_builds_on_another_has_its_numbers_where_it_has_none_of_its_own(name):
    given = merged(OWN, {"mcdrl": {"depth": 5}})
    assert resolved_params(name, {}, given)["depth"] == 5
    assert resolved_params(name, {}, merged(given, {name: {"depth": 2}}))["depth"] == 2
    assert resolved_params("mcdrl", {}, merged(given, {name: {"depth": 2}}))["depth"] == 5
    variants = {"deep": Variant(method=name, params={"depth": 7})}
    assert resolved_params("deep", variants, given)["depth"] == 7


def test_a_method_takes_of_its_bases_what_it_has_itself():
    assert set(resolved_params("no_cdrl", {}, OWN)) == {"lambda_contrast", "temperature"}
    assert set(resolved_params("mcdrl_viewpoint", {}, OWN)) == {*OWN["mcdrl"], *OWN["viewpoint"]}
    assert not {"residual", "regions"} & set(resolved_params("mcdrl_literal", {}, OWN))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"methods": ["casualclipseg"]}, "methods: unknown 'casualclipseg'; did you mean 'causalclipseg'? legal: aver"),
        ({"methods": ["mcdrl_backdoor"]}, "methods: unknown 'mcdrl_backdoor'; it is called 'mcdrl_averaged' now"),
        ({"deploy": {"methods": ["mcdrl_backdoor"], "seeds": [0]}}, "deploy.methods: unknown 'mcdrl_backdoor'; it is"),
        (
            {"method_params": {**OWN, "mcdrl_backdoor": {}}},
            "method_params: unknown 'mcdrl_backdoor'; it is called 'mcdrl_averaged' now",
        ),
        (
            {"variants": {"a": {"method": "mcdrl_backdoor"}}},
            "variants.a.method: unknown 'mcdrl_backdoor'; it is called 'mcdrl_averaged' now",
        ),
        ({"variants": {"a": {"method": "mcdlr"}}}, "variants.a.method: unknown 'mcdlr'; did you mean 'mcdrl'?"),
        ({"method_params": {**OWN, "clipsegg": {}}}, "method_params: unknown 'clipsegg'; did you mean 'clipseg'?"),
        (
            {"method_params": {**OWN, "clipseg": {**OWN["clipseg"], "head": 4}}},
            "method_params.clipseg.head: unknown key; did you mean 'heads'? legal: absent_share, heads",
        ),
        (
            {"method_params": {**OWN, "clipseg": {"heads": 4}}},
            "method_params.clipseg.absent_share: missing; the shipped params.yaml has 0.2",
        ),
        (
            {"method_params": {**OWN, "no_mtrs": {"regions": "keep"}}},
            "method_params.no_mtrs.regions: unknown key; legal: depth, dictionary,",
        ),
        (
            {"variants": {"a": {"method": "mcdrl", "params": {"dictionary": "hers"}}}},
            "variants.a.params.dictionary: Input should be 'text', 'random'",
        ),
        (
            {"variants": {"a": {"method": "clipseg", "params": {"depth": 3}}}},
            "variants.a.params.depth: unknown key; legal: absent_share, heads",
        ),
        (
            {"methods": ["unet"], "variants": {}},
            "methods: unet: train.mode is 'frozen', but the method 'unet' goes with finetune only",
        ),
        (
            {"variants": {"quick": {"method": "fourier", "train": {"mode": "frozen"}}}, "methods": ["quick"]},
            "variants.quick.train.mode is 'frozen', but the method 'fourier' goes with partial or finetune only",
        ),
        (
            {
                "variants": {"ppi": {"method": "pseudo_intervention", "train": {"mode": "partial", "compile": True}}},
                "methods": ["ppi"],
            },
            "variants.ppi.train.compile is true, but the method 'pseudo_intervention' trains through gradients of grad",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_the_nearest(changes, said):
    if "methods" not in changes:
        changes = {"methods": ["baseline"], **changes}
    found = problems(**changes)
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_wrong_number_that_others_inherit_is_told_once():
    wrong = {**OWN, "mcdrl": {**OWN["mcdrl"], "depth": 0}}
    found = problems(method_params=wrong, methods=["mcdrl", "mcdrl_literal"], variants={})
    assert found == ["method_params.mcdrl.depth: Input should be greater than or equal to 1, got 0"]


def test_a_number_that_is_missing_is_told_where_it_should_stand():
    lacking = {**OWN, "mcdrl": {key: value for key, value in OWN["mcdrl"].items() if key != "heads"}}
    lacking["viewpoint"] = {}
    assert problems(method_params=lacking, methods=["mcdrl_viewpoint"], variants={}, train=PIXELS) == [
        "method_params.mcdrl.heads: missing; the shipped params.yaml has 8",
        'method_params.viewpoint.sum_over: missing; the shipped params.yaml has ["mirror", "distance"]',
        "method_params.viewpoint.zoom: missing; the shipped params.yaml has 1.2",
    ]


def test_what_is_wrong_with_the_rest_of_the_file_is_told_beside():
    found = problems(
        method_params={**OWN, "nullspace": {"least": 2.0}},
        mine_regions={**SHIPPED["mine_regions"], "alpha": 7.0},
        methods=["mcdrl"],
    )
    assert [line.partition(":")[0] for line in found] == ["mine_regions.alpha", "method_params.nullspace.least"]


def test_the_check_of_the_other_rooms_loads_no_network():
    code = "import sys, mcdrl.methods; from mcdrl.study.params import load_study; mcdrl.methods.names(); load_study()"
    code += "; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_variant_is_not_called_like_a_method_that_it_is_not():
    """Tables would call a baseline mcdrl."""
    variants = {"mcdrl": {"method": "baseline"}, "unet": {"method": "unet", "train": {"mode": "finetune"}}}
    assert problems(variants=variants) == [
        "variants.mcdrl: it stands for the method 'baseline' and is called like the method 'mcdrl'; give it another "
        "name"
    ]


@pytest.mark.parametrize(("method", "key", "value"), [
    ("causalclipseg", "kernel_side", True), ("causalclipseg", "kernel_side", 3.0),
    ("scale_aware", "kernels", [True, 7, 11]), ("scale_aware", "kernels", [7, 11.0]),
])  # fmt: skip
def test_a_choice_among_whole_numbers_takes_no_other_kind_that_equals_one(method, key, value):
    given = {**OWN, method: {**OWN[method], key: value}}
    (line,) = problems(method_params=given)
    assert line.startswith(f"method_params.{method}.{key}: expected one of 1, 3, 5, 7")
    assert line.endswith(f", got {value!r}")
