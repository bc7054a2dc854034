"""A model's folder and its backbone: which one is found, and what is copied."""

import pytest
from safetensors.torch import load_file, save_file

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json
from mcdrl.clip.card import read_card
from mcdrl.clip.lite import LiteEncoder
from mcdrl.clip.load import load_encoder
from mcdrl.clip.sources import WeightsSource
from mcdrl.model.bundle import bundle, find_backbone
from stages.backbone.obtain import obtain
from tests import stub_sites

PRINT = stub_sites.FINGERPRINT


@pytest.fixture
def study(tmp_path):
    stub_sites.write_study(tmp_path / "artifacts", ("A", "B"), 4)
    (tmp_path / "artifacts" / "backbone" / "weights.safetensors").write_bytes(b"weights")
    model = tmp_path / "artifacts" / "train" / "mcdrl" / "A" / "0"
    model.mkdir(parents=True)
    return tmp_path


def test_a_small_backbone_is_copied_byte_for_byte(study):
    backbone, model = study / "artifacts" / "backbone", study / "artifacts" / "train" / "mcdrl" / "A" / "0"
    assert bundle(backbone, model)
    for name in ("card.json", "weights.safetensors"):
        assert (model / "backbone" / name).read_bytes() == (backbone / name).read_bytes()
    moved = study / "elsewhere"
    model.rename(moved)
    assert find_backbone(moved, PRINT, None) == moved / "backbone"


def test_a_large_one_is_found_in_the_study_but_not_elsewhere(study):
    backbone, model = study / "artifacts" / "backbone", study / "artifacts" / "train" / "mcdrl" / "A" / "0"
    assert not bundle(backbone, model, limit_bytes=3)
    assert not (model / "backbone").exists()
    assert find_backbone(model, PRINT, None) == backbone
    moved = study / "elsewhere"
    model.rename(moved)
    with pytest.raises(InputError, match=r"doesn't hold its backbone.*--backbone.*mcdrl pack"):
        find_backbone(moved, PRINT, None)
    assert find_backbone(moved, PRINT, backbone) == backbone


def test_another_backbone_is_refused_by_name(study):
    with pytest.raises(InputError, match=r"another backbone \(abc\).*stub"):
        find_backbone(study / "artifacts" / "train", "abc", study / "artifacts" / "backbone")


def test_of_a_small_copy_the_weights_that_no_package_brings_are_part(tmp_path):
    """A text tower of one's own, such as one that was pretrained anew."""
    kept = []
    for name, shift in (("installed", 0.0), ("own", 0.01)):
        folder = tmp_path / name
        folder.mkdir()
        obtain(read_card("lite0"), WeightsSource("lite0", "card"), folder)
        state = load_file(folder / "weights.safetensors")
        save_file({**state, "joint.mean": state["joint.mean"] + shift}, folder / "weights.safetensors")
        digest = LiteEncoder.from_folder(folder, "auto").fingerprint
        write_json({**read_json(folder / "card.json"), "fingerprint": digest}, folder / "card.json")
        assert bundle(folder, tmp_path / f"{name}_model", small=True)
        kept.append(sorted(path.name for path in (tmp_path / f"{name}_model" / "backbone").iterdir()))
        assert load_encoder(tmp_path / f"{name}_model" / "backbone").fingerprint == digest
    assert kept == [["card.json"], sorted(path.name for path in (tmp_path / "own").iterdir())]
