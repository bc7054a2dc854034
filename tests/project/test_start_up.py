"""What a command or stage loads before it works: libraries that take seconds come only where they are used.

No times are measured: what is loaded is the same on every machine.
"""

import subprocess
import sys

import pytest

from mcdrl.study.code import closure, named
from tests.projects import ROOT

STAGES = sorted(path.parent.name for path in (ROOT / "stages").glob("*/__main__.py"))
NETWORKS = {"kornia", "lightning_fabric", "open_clip", "segmentation_models_pytorch", "timm", "torch", "torchvision"}
CHARTS = {"matplotlib", "scipy.stats", "sklearn"}
WITHOUT_NETWORKS = ("audit", "collect", "ingest", "mine_regions", "phantom", "report", "sources")  # all that they do


def loaded(code, heavy):
    """Those of some libraries that a process has loaded after it ran `code`."""
    code = f"import sys\n{code}\nprint(*sorted({set(heavy)} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def imported(path):
    """The libraries that a file imports, at the top or inside functions."""
    return {name.partition(".")[0] for name in named(path)}


def test_no_stage_loads_networks_or_charts_to_explain_itself():
    """Nor before its threads are told how to wait, which torch reads when it is loaded."""
    assert loaded("\n".join(f"import stages.{stage}.__main__" for stage in STAGES), NETWORKS | CHARTS) == []


@pytest.mark.parametrize("stage", WITHOUT_NETWORKS)
def test_a_stage_without_a_network_has_no_way_to_one(stage):
    files = {path for path in closure([f"stages.{stage}.__main__"]) if path.suffix == ".py"}
    assert {path.relative_to(ROOT).as_posix(): sorted(imported(path) & NETWORKS) for path in files} == {
        path.relative_to(ROOT).as_posix(): [] for path in files
    }


def test_the_check_of_params_loads_no_part_of_scipy():
    """Every process of the pipeline begins with it."""
    heavy = {"pandas", "scipy.fft", "scipy.ndimage", "scipy.special", *NETWORKS, *CHARTS}
    assert loaded("from mcdrl.study.params import load_study\nload_study()", heavy) == []


def test_to_judge_a_cell_takes_torch_alone():
    """Nor its compiler, which timm, torchvision, Fabric and optimisers bring, a second and a half."""
    heavy = {"torch._dynamo", *NETWORKS, *CHARTS} - {"torch"}
    assert loaded("import stages.evaluate.cell, stages.evaluate.run", heavy) == []


def test_to_encode_and_predict_takes_no_fabric():
    """The backbone's own library is loaded once it is known which one it is."""
    code = "import stages.encode.site, mcdrl.commands.models.predict, mcdrl.model.ensemble"
    assert loaded(code, {*NETWORKS, *CHARTS} - {"torch"}) == []


def test_to_train_takes_fabric_and_no_backbones_library():
    code = "import mcdrl.training.cell, mcdrl.training.fabric, mcdrl.training.run"
    assert loaded(code, NETWORKS | CHARTS | {"dvclive"}) == ["lightning_fabric", "torch"]


def test_to_hand_a_model_on_and_to_encode_prompts_takes_torch_alone():
    """lite0's text tower needs no library of backbones, nor does a model's folder that is copied."""
    code = "import mcdrl.model.bundle, mcdrl.model.card, mcdrl.model.readme, mcdrl.model.take_along"
    code += "\nimport stages.build_confounders.prompts, stages.build_confounders.review, mcdrl.clip.lite"
    assert loaded(code, {"torch._dynamo", *NETWORKS, *CHARTS}) == ["torch"]
