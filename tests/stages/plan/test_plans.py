"""A plan changes with what concerns its variant and with nothing else."""

import json
import shutil

import pytest

from mcdrl.artifacts.plan import VariantPlan, _digest, read_encoding, read_plan, read_site_plan, write_plan
from mcdrl.base.errors import InputError
from mcdrl.methods import names, with_methods
from mcdrl.study.code import digest
from mcdrl.study.params import check
from mcdrl.study.paths import PlanFiles, plan_files
from mcdrl.study.sections.train import Params
from mcdrl.study.variants import merged
from stages.plan.__main__ import main
from stages.plan.plans import code_digests, encoding, plans, site_plans
from tests.projects import ROOT, SHIPPED, copy_project

VARIANTS = {
    "random": {"method": "mcdrl", "params": {"dictionary": "random"}},
    "baseline": {"method": "baseline", "train": {"epochs": 7}},
}


@pytest.fixture(autouse=True)
def _from_the_top(monkeypatch):
    monkeypatch.chdir(ROOT)


def _plans(methods=("baseline", "mcdrl", "random"), variants=VARIANTS, own=None, **train):
    raw = {**SHIPPED, "methods": list(methods), "variants": variants, "train": {**SHIPPED["train"], **train}}
    raw["method_params"] = merged(SHIPPED["method_params"], own or {})
    study = check(raw, further=with_methods)
    return {plan.variant: plan for plan in plans(study.methods, study, raw["train"], Params, ["horizontal"])}


def test_what_is_deployed_needs_no_place_in_the_study():
    study = check({**SHIPPED, "deploy": {"methods": ["suffix"], "seeds": [0]}}, further=with_methods)
    (plan,) = plans(["suffix"], study, SHIPPED["train"], Params)
    assert (plan.variant, plan.method, plan.train["mode"]) == ("suffix", "baseline", "suffix")


def test_the_stage_plans_what_is_deployed_and_encodes_what_it_reads(tmp_path, monkeypatch):
    """A study on pixels alone, beside which a network on features is deployed: its maps are encoded."""
    raw = {**SHIPPED, "methods": ["partial"], "deploy": {"methods": ["baseline"], "seeds": [0]}}
    monkeypatch.setattr("mcdrl.study.params.read_yaml", lambda _: raw)
    monkeypatch.setattr("stages.plan.__main__.read_params", lambda: raw)
    main(tmp_path / "plan")
    files = PlanFiles(tmp_path / "plan")
    assert read_plan(files.deployed("baseline")).train["mode"] == "frozen"
    assert not files.method("baseline").exists()
    assert read_encoding(files.encoding).maps
    raw["deploy"] = {"methods": [], "seeds": [0]}
    main(tmp_path / "plan")
    assert not files.deployed("baseline").exists()
    assert not read_encoding(files.encoding).maps


def _encoding(*methods, **train):
    return encoding(_plans(methods, SHIPPED["variants"], **train).values())


def test_a_name_is_a_method_or_a_variant_of_one():
    found = _plans()
    assert {name: plan.method for name, plan in found.items()} == {
        "baseline": "baseline", "mcdrl": "mcdrl", "random": "mcdrl"
    }  # fmt: skip
    assert [plan.params.get("dictionary") for plan in found.values()] == [None, "text", "random"]
    assert [plan.train["epochs"] for plan in found.values()] == [7, *[SHIPPED["train"]["epochs"]] * 2]
    assert found["random"].code == found["mcdrl"].code != found["baseline"].code
    assert Params.model_validate(found["mcdrl"].train).model_dump() == found["mcdrl"].train


def test_a_number_of_all_changes_the_plans_that_do_not_overrule_it():
    before, after = _plans(), _plans(own={"mcdrl": {"dictionary": "zero"}}, epochs=9)
    assert before["random"].params["dictionary"] == after["random"].params["dictionary"] == "random"
    assert after["mcdrl"].params["dictionary"] == "zero"
    assert before["baseline"].train["epochs"] == after["baseline"].train["epochs"]
    assert before["mcdrl"] != after["mcdrl"]


def test_a_plan_says_how_frames_are_mirrored():
    assert _plans()["mcdrl"].flips == ["horizontal"]
    assert _plans(flips=False)["mcdrl"].flips == []


@pytest.mark.parametrize(("methods", "train", "maps", "flips"), [
    (["baseline", "mcdrl"], {}, True, ["horizontal"]),
    (["partial", "unet"], {}, False, []),
    (["partial", "viewpoint", "fourier", "mcdrl"], {"mode": "partial"}, False, []),
    (["partial", "baseline"], {}, True, ["horizontal"]),
    (["partial", "baseline"], {"flips": False}, True, []),
    (["baseline"], {"mode": "suffix"}, True, ["horizontal"]),
    (["baseline"], {"mode": "adapter"}, True, ["horizontal"]),
    (["mcdrl_tuned"], {"mode": "partial"}, True, []),
])  # fmt: skip
def test_what_the_methods_read_is_encoded(methods, train, maps, flips):
    found = _encoding(*methods, **train)
    assert (found.maps, found.flips) == (maps, flips)


def test_another_number_or_another_method_that_reads_the_same_changes_nothing_of_what_is_encoded():
    before = _encoding("baseline", "mcdrl")
    assert before == _encoding("baseline", "mcdrl", epochs=9, lr=0.1) == _encoding("clipseg") == _encoding("mcdrl_zero")


def test_another_variant_changes_no_other_plan():
    more = {**VARIANTS, "random": {"method": "mcdrl", "params": {"dictionary": "zero"}}}
    before, after = _plans(), _plans(variants=more)
    assert [name for name in before if before[name] != after[name]] == ["random"]


def test_a_methods_digest_follows_the_files_that_it_imports(tmp_path):
    shutil.copytree(ROOT / "mcdrl", tmp_path / "mcdrl", ignore=shutil.ignore_patterns("__pycache__"))
    before = _method_digests(tmp_path)
    assert before == _method_digests(ROOT)
    _append(tmp_path / "mcdrl/methods/mcdrl.py", "# a remark\n")
    assert _method_digests(tmp_path) == before
    _append(tmp_path / "mcdrl/methods/mcdrl.py", "MORE = 1\n")
    after = _method_digests(tmp_path)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"mcdrl", "mcdrl_literal", "mcdrl_averaged", "mcdrl_viewpoint"}
    _append(tmp_path / "mcdrl/methods/clipseg/decoder.py", "MORE = 1\n")
    last = _method_digests(tmp_path)
    assert {name for name in after if last[name] != after[name]} == {"clipseg"}


def _method_digests(root):
    return {name: digest([f"mcdrl.methods.{name}"], root) for name in names()}


def _append(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_each_stage_has_a_digest_of_its_own():
    found = code_digests()
    assert {"plan", "ingest", "train", "report"} <= set(found)
    assert len(set(found.values())) == len(found)


def test_a_sites_plan_is_its_card_and_its_own_keys_and_nothing_that_is_for_people(tmp_path, monkeypatch):
    copy_project(tmp_path)
    monkeypatch.chdir(tmp_path)

    def found():
        site = {"card": "kvasir_seg", "root": "k", "lesion_class": "cyst"}
        return {one.site: one for one in site_plans(check({**SHIPPED, "sites": {**SHIPPED["sites"], "K": site}}))}

    before = found()
    assert list(before) == [*SHIPPED["sites"], "K"]
    assert (before["K"].root, before["K"].reading.lesion_class) == ("k", "cyst")
    assert before["K"].reading.masks == "masks/{stem}.jpg"
    write_plan(before["K"], tmp_path / "K.json")
    assert read_site_plan(tmp_path / "K.json", "K") == before["K"]
    write_plan(before["A"], tmp_path / "A.json")
    strengths = read_site_plan(tmp_path / "A.json", "A").reading.table_strengths
    assert list(strengths) == list(before["A"].reading.table_strengths) != sorted(strengths)
    card = tmp_path / "data/sites/kvasir_seg.yaml"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("title: ", "title: The famous "), encoding="utf-8")
    assert found() == before
    card.write_text(text.replace("masks/{stem}.jpg", "masks/{stem}.png"), encoding="utf-8")
    assert {name for name, one in found().items() if one != before[name]} == {"K"}


def test_every_shipped_variant_builds_a_plan():
    names = list(SHIPPED["variants"])
    assert list(_plans(names, SHIPPED["variants"])) == names


def test_plans_survive_the_disk_and_damage_is_told(tmp_path):
    plan = VariantPlan(variant="random", method="mcdrl", code="0", params={"residual": True}, train={"lr": 0.1})
    write_plan(plan, plan_files(tmp_path).method("random"))
    assert read_plan(tmp_path / "plan" / "methods" / "random.json") == plan
    (tmp_path / "plan" / "methods" / "random.json").write_text("{}")
    with pytest.raises(InputError, match=r"random\.json is damaged \(variant: missing\).*dvc repro plan"):
        read_plan(tmp_path / "plan" / "methods" / "random.json")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"variant": "randon"}, "it is the plan of 'randon'"),
        ({"train": []}, "train: "),
        ({"trein": {}}, "trein: unknown key; did you mean 'train'"),
    ],
)
def test_a_plan_that_was_changed_is_refused(tmp_path, changed, said):
    plan = {"variant": "random", "method": "mcdrl", "code": "0", "params": {}, "train": {}, **changed}
    (tmp_path / "random.json").write_text(json.dumps({**plan, "digest": _digest(plan)}))
    with pytest.raises(InputError, match=rf"random\.json is damaged \({said}.*dvc repro plan"):
        read_plan(tmp_path / "random.json")
