"""The command: what it writes for the backbone that params.yaml names, and how it ends when it can't."""

import os
import subprocess
import sys

import pytest
import yaml
from safetensors.torch import save_file

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json
from mcdrl.clip.load import load_encoder
from stages.backbone import __main__ as command
from tests.projects import ROOT, SHIPPED, copy_project, write_params


@pytest.fixture
def project(tmp_path, monkeypatch, card):
    """weights -> chdir into a project whose backbone is the small model."""

    def make(weights):
        copy_project(tmp_path)
        (tmp_path / "data/backbones/tiny.yaml").write_text(yaml.safe_dump(card().model_dump()))
        write_params(tmp_path, {**SHIPPED, "backbone": "tiny", "weights": {"tiny": weights}})
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return make


def test_a_dry_run_is_stored_loads_and_says_that_it_is_one(project, capsys):
    out = project("none") / "artifacts/backbone"
    command.main(out)
    assert sorted(path.name for path in out.iterdir()) == ["card.json", "weights.safetensors"]
    assert read_json(out / "card.json")["name"] == "tiny"
    assert load_encoder(out).width == 16
    said = capsys.readouterr().out
    assert "RANDOM" in said
    assert "For tests." in said


def test_what_was_obtained_before_survives_a_failure(project):
    out = project("nowhere.pt") / "artifacts/backbone"
    out.mkdir(parents=True)
    (out / "card.json").write_text("{}")
    with pytest.raises(InputError, match=r"weights\.tiny: there is no file nowhere\.pt"):
        command.main(out)
    assert [path.name for path in out.parent.iterdir()] == ["backbone"]
    assert (out / "card.json").read_text() == "{}"


def test_weights_of_ones_own_lie_where_dvc_looks_or_have_a_hash(project, model):
    root = project("data/backbones/mine.safetensors")
    save_file(model.state_dict(), root / "data/backbones/mine.safetensors")
    command.main(root / "artifacts/backbone")
    assert read_json(root / "artifacts/backbone/card.json")["pretrained"] == "file"
    (root / "data/backbones/mine.safetensors").rename(root / "mine.safetensors")
    write_params(root, {**SHIPPED, "backbone": "tiny", "weights": {"tiny": "mine.safetensors"}})
    with pytest.raises(InputError, match=r"weights\.tiny: DVC wouldn't notice when mine\.safetensors changes; give it"):
        command.main(root / "artifacts/backbone")


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["vit_l14"])
def test_offline_and_not_cached_ends_with_code_2_and_the_ways_out(tmp_path, backbone):
    copy_project(tmp_path)
    write_params(tmp_path, {**SHIPPED, "backbone": backbone})
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    call = [sys.executable, "-m", "stages.backbone", "--out", "artifacts/backbone"]
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    for part in (f"weights.{backbone}=FILE", "local-dir:", "HF_HOME", f"weights.{backbone}=none"):
        assert part in done.stderr
    assert not (tmp_path / "artifacts/backbone").exists()
