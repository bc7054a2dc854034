"""A method is one file: put beside the others it is listed, checked, built and trained, and no other code changes."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

import mcdrl.methods
from mcdrl.methods import _registry, names, params_type, with_methods
from mcdrl.model.folder import load_model
from mcdrl.study.code import digest
from mcdrl.study.params import check
from mcdrl.training.cell import TrainingJob
from mcdrl.training.run import train
from tests import stub_sites
from tests.factories import train_params
from tests.projects import ROOT, SHIPPED, problems

FILE = Path(__file__).parents[1] / "one_file_method.py"
OWN = {**SHIPPED["method_params"], "smooth": {"roughness": 0.5}}


@pytest.fixture
def smooth(tmp_path, monkeypatch):
    """The folder of the methods, with one more file in it."""
    folder = tmp_path / "methods"
    shutil.copytree(ROOT / "mcdrl" / "methods", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(FILE, folder / "smooth.py")
    monkeypatch.setattr(_registry, "_FOLDER", folder)
    monkeypatch.setattr(mcdrl.methods, "__path__", [*mcdrl.methods.__path__, str(folder)])
    monkeypatch.chdir(ROOT)
    yield folder
    monkeypatch.delitem(sys.modules, "mcdrl.methods.smooth", raising=False)


def test_it_is_listed_and_its_key_checked(smooth):
    assert "smooth" in names()
    check({**SHIPPED, "methods": ["smooth"], "method_params": OWN}, further=with_methods)
    typo = {**OWN, "smooth": {"roughnes": 0.5, "roughness": 0.5}}
    assert problems(method_params=typo) == [
        "method_params.smooth.roughnes: unknown key; did you mean 'roughness'? legal: roughness"
    ]
    assert problems(methods=["smooth"]) == ["method_params.smooth.roughness: missing"]
    rough = {"rough": {"method": "smooth", "params": {"roughness": 1e3}}}
    assert problems(method_params=OWN, variants=rough) == [
        "variants.rough.params.roughness: should be 100 at most: nothing but this term would be trained, got 1000.0"
    ]


def test_it_changes_no_code_but_its_own(tmp_path):
    shutil.copytree(ROOT / "mcdrl", tmp_path / "mcdrl", ignore=shutil.ignore_patterns("__pycache__"))
    others = ["mcdrl.training.run", *(f"mcdrl.methods.{name}" for name in names())]
    before = [digest([name], tmp_path) for name in others]
    shutil.copy(FILE, tmp_path / "mcdrl" / "methods" / "smooth.py")
    assert [digest([name], tmp_path) for name in others] == before
    assert digest(["mcdrl.methods.smooth"], tmp_path) not in before


def test_it_trains_by_its_own_loss_and_the_knob_matters(smooth, tmp_path):
    stub_sites.write_study(tmp_path / "artifacts")
    numbers = train_params(epochs=1, intervene_from=0, batch_size=8, head_width=16)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    weights = []
    for weight in (0.0, 50.0):
        own = params_type("smooth").model_validate({"roughness": weight})
        cell = TrainingJob(
            "smooth", "smooth", "C", 0, ["A", "B"], tmp_path / "artifacts", stub_sites.LESIONS, numbers, own
        )
        train(cell, fabric, tmp_path / str(weight))
        model = load_model(tmp_path / str(weight), tmp_path / "artifacts" / "backbone")
        assert model.card.params == {"roughness": weight}
        weights.append(model.method.state_dict())
        assert (tmp_path / str(weight) / "history.csv").read_text().splitlines()[0] == "epoch,roughness,seg,val_dice"
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
