"""A model's folder and its backbone: which one is found, and what is copied."""

import pytest

from mcdrl.base.errors import InputError
from mcdrl.model.bundle import bundle, find_backbone
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
