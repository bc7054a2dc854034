"""The DAG is what the folders say: one name a stage everywhere, and code dependencies that are the imports."""

import ast
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from dag import ROOT, Step, closure, code_files, steps

READ_BY_PLAN = "stages/core/methods"  # files of which it takes a digest
STEPS = steps()
BY_STAGE = {step.stage: step for step in STEPS}
METHODS = set((ROOT / "stages/core/methods").glob("[!_]*.py"))
FOLDERS = {path.parent.name for path in (ROOT / "stages").glob("*/__main__.py")}


def entry_files(step: Step) -> set[Path]:
    start = {ROOT / "stages" / step.stage / "__main__.py"}
    if step.stage in {"train", "evaluate"}:
        start |= METHODS
    if step.stage == "plan":
        start |= {ROOT / f"stages/{name}/params.py" for name in ("encode", "train")}  # found by their stages' names
    return start


def test_every_stage_has_a_folder_and_every_folder_a_stage():
    assert set(BY_STAGE) == FOLDERS
    for step in STEPS:
        name = step.name.split("@")[0]
        assert name == step.stage or name.startswith(f"{step.stage}_"), f"{name} runs {step.stage}"


def test_params_sections_are_stages_or_shared_keys():
    sections = set(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    shared = {"backbone", "weights", "sites", "held_out", "lesion_classes", "methods", "variants", "seeds"}
    assert sections - shared <= set(BY_STAGE)
    with_params = {path.parent.name for path in (ROOT / "stages").glob("*/params.py")}
    assert sections - shared == with_params


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_a_stage_writes_below_its_own_folder(step):
    homes = {"phantom": "data/phantom", "pretrain": "data/lite0"}
    for out in step.outs:
        home = homes.get(step.stage, f"artifacts/{step.stage}")
        if step.stage == "collect":
            home = f"artifacts/{step.name.removeprefix('collect_')}"
        assert out == home or out.startswith(home + "/")


@pytest.mark.parametrize("step", STEPS, ids=[step.name for step in STEPS])
def test_code_dependencies_are_the_import_closure(step):
    imports, declared = closure(entry_files(step)), code_files(step.deps)
    if step.stage in {"train", "evaluate"}:  # a method's own code is part of its plan
        assert f"artifacts/plan/{step.cmd.split()[3]}.json" in step.deps
        imports -= {path.relative_to(ROOT) for path in METHODS}
    assert imports - declared == set(), "imported, not declared: an edit would go unnoticed"
    code = [name for name in step.deps if name.startswith("stages") and name != READ_BY_PLAN]
    idle = [name for name in code if not code_files(frozenset([name])) & imports]
    assert not idle, "declared, nothing of it imported: an edit would rerun the stage for nothing"


def test_metrics_and_contracts_are_declared_file_by_file():
    """An edit of one metric reruns no stage that works with another; the other shared folders count as a whole."""
    whole = {"stages/core/metrics", "stages/core/contracts", "stages/core"}
    assert not [step.name for step in STEPS if step.deps & whole]


@pytest.mark.parametrize("step", BY_STAGE.values(), ids=BY_STAGE)
def test_a_stage_reads_its_own_section(step):
    if step.stage == "train":
        assert any(name.startswith("artifacts/plan/") for name in step.deps)
        assert "train" in BY_STAGE["plan"].params
    elif (ROOT / "stages" / step.stage / "params.py").exists():
        assert step.stage in step.params


def test_stages_never_import_one_another():
    for path in (ROOT / "stages").glob("*/*.py"):
        own = path.parent.name
        if own in FOLDERS | {"core"}:
            others = {p.parts[1] for p in closure({path}) if p.parts[1] in FOLDERS and p.parts[1] != own}
            assert not others, f"{path} reaches into {others}"


def test_core_imports_no_stage():
    for path in (ROOT / "stages/core").rglob("*.py"):
        assert all(found.parts[1] == "core" for found in closure({path}) if len(found.parts) > 2), path


def test_short_and_no_persisted_output():
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert "persist" not in text
    assert len(text.splitlines()) < 300


def libraries(path: Path) -> set[str]:
    tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = [
        [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return {name.split(".")[0] for several in names for name in several}


@pytest.mark.parametrize("stage", ["plan", "phantom", "ingest", "audit", "mine_regions", "collect", "report"])
def test_stages_that_need_no_torch_do_not_import_it(stage):
    heavy = {"torch", "timm", "open_clip", "lightning_fabric"}
    for path in closure({ROOT / "stages" / stage / "__main__.py"}):
        assert not libraries(ROOT / path) & heavy, path


def test_the_report_depends_on_every_parameter_as_its_page_shows_them():
    assert BY_STAGE["report"].params == set(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
