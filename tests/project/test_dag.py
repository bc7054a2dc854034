"""The DAG is what the folders say: one name a stage everywhere, and each stage depends on what its code means."""

import ast

import pytest

from mcdrl.study.code import closure
from tests.project.dag import steps
from tests.projects import ROOT, SHIPPED

STEPS = steps()
BY_STAGE = {step.stage: step for step in STEPS}
FOLDERS = {path.parent.name for path in (ROOT / "stages").glob("*/__main__.py")}
SHARED = {
    "backbone", "weights", "sites", "held_out", "lesion_classes", "methods", "variants", "method_params", "seeds",
}  # fmt: skip


def test_every_stage_has_a_folder_and_every_folder_a_stage():
    assert set(BY_STAGE) == FOLDERS
    for step in STEPS:
        name = step.name.split("@")[0]
        assert name == step.stage or name.startswith(f"{step.stage}_"), f"{name} runs {step.stage}"


def test_params_sections_are_stages_or_shared_keys():
    sections = set(SHIPPED) - SHARED
    assert sections <= set(BY_STAGE)
    assert sections == {path.stem for path in (ROOT / "mcdrl/study/sections").glob("[!_]*.py")}


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_stage_writes_below_its_own_folder(step):
    homes = {"phantom": "data/phantom", "pretrain": f"data/{step.name.partition('@')[2]}"}
    for out in step.outs:
        home = homes.get(step.stage, f"artifacts/{step.name.split('@')[0]}")
        if step.stage == "collect":
            home = f"artifacts/{step.name.removeprefix('collect_')}"
        assert out == home or out.startswith(home + "/")


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_stage_depends_on_what_its_code_means_and_on_no_code_besides(step):
    code = {name for name in step.deps if name.startswith(("mcdrl", "stages", "artifacts/plan/code"))}
    others = {"plan": {"mcdrl", "stages"}, "pretrain": set()}  # pretrain is made anew by hand
    assert code == others.get(step.stage, {f"artifacts/plan/code/{step.stage}"})


@pytest.mark.parametrize("step", [step for step in STEPS if step.stage in {"train", "evaluate", "stress"}])
def test_what_builds_a_method_depends_on_its_plan(step):
    wanted = "artifacts/plan/deploy" if step.name.startswith("train_all") else "artifacts/plan/methods"
    assert (wanted if step.stage == "stress" else f"{wanted}/{step.cmd.split()[3]}.json") in step.deps


@pytest.mark.parametrize("step", [step for step in STEPS if step.stage == "train"], ids=lambda step: step.name)
def test_a_training_depends_on_the_data_of_its_source_sites_alone(step):
    """Folders of all sites would train a cell anew after an edit of the site that it leaves out."""
    held_out = step.cmd.split()[4]
    of_no_site = ("artifacts/plan", "artifacts/backbone", "artifacts/build_confounders")
    assert {dep for dep in step.deps if not dep.startswith(of_no_site)} == {f"artifacts/sources/{held_out}.json"}


def test_what_tells_of_the_data_waits_for_all_of_them():
    wanted = {"artifacts/ingest", "artifacts/encode", "artifacts/mine_regions/regions", "artifacts/audit/audit.parquet"}
    assert wanted | {"artifacts/plan/views.json"} <= BY_STAGE["sources"].deps
    assert {"held_out", "sites"} <= BY_STAGE["sources"].params


def test_no_figure_of_the_study_rests_on_a_training_that_has_seen_all_sites():
    """What was trained on a site must not judge it, nor choose anything for what does."""
    whole = {out for step in STEPS if step.name.startswith("train_all") for out in step.outs}
    assert whole
    told = {step.stage for step in STEPS if any(dep.startswith("artifacts/train_all") for dep in step.deps)}
    assert told == {"deploy"}
    assert not [step for step in STEPS if any(dep.startswith("artifacts/deploy") for dep in step.deps)]


def test_training_on_all_sites_waits_for_no_figure_of_the_study():
    (step,) = [step for step in STEPS if step.name.startswith("train_all")]
    (cell, *_) = [other for other in STEPS if other.name.startswith("train@")]
    own = ("artifacts/plan/methods", "artifacts/plan/deploy", "artifacts/sources/")
    apart = {dep for dep in cell.deps | step.deps if dep.startswith(own)}
    assert step.deps - apart == cell.deps - apart
    assert step.params == cell.params


@pytest.mark.parametrize("step", BY_STAGE.values(), ids=BY_STAGE)
def test_a_stage_reads_its_own_section(step):
    if step.stage == "train":
        assert any(name.startswith(("artifacts/plan/methods/", "artifacts/plan/deploy/")) for name in step.deps)
        assert "train" in BY_STAGE["plan"].params
    elif step.stage == "deploy":  # of its methods each has a step, and `plan` writes what they are
        assert "deploy.seeds" in step.params
        assert "deploy.methods" in BY_STAGE["plan"].params
    elif (ROOT / f"mcdrl/study/sections/{step.stage}.py").exists():
        assert step.stage in step.params


def test_short_and_no_persisted_output():
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert "persist" not in text
    assert len(text.splitlines()) <= 170


@pytest.mark.parametrize("stage", ["phantom", "ingest", "audit", "mine_regions", "sources", "collect", "report"])
def test_stages_that_need_no_torch_do_not_import_it(stage):
    """Plan asks the methods' files for their parameters, which takes torch: that is once for all stages after it."""
    heavy = {"torch", "timm", "open_clip", "lightning_fabric"}
    for path in closure([f"stages.{stage}.__main__"]):
        assert path.suffix != ".py" or not libraries(path) & heavy, path


def libraries(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


def test_the_report_depends_on_every_parameter_as_its_page_shows_them():
    assert BY_STAGE["report"].params == set(SHIPPED)
