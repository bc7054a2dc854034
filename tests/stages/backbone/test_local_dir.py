"""Folders as open_clip saves them: the configuration must be the card's, the weights file unambiguous."""

import copy
import json

import open_clip
import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json
from mcdrl.clip.sources import WeightsSource
from stages.backbone.local_dir import check_config, find_weights, normalisation
from stages.backbone.obtain import obtain


@pytest.fixture
def config():
    return open_clip.get_model_config("tiny-vit")


@pytest.fixture
def save(tmp_path, config):
    """(part, **changes) -> a folder whose configuration differs from the model's in these keys."""

    def write(part=None, **changes):
        theirs = copy.deepcopy(config)
        (theirs[part] if part else theirs).update(changes)
        write_json({"model_cfg": theirs, "preprocess_cfg": {}}, tmp_path / "open_clip_config.json")
        return tmp_path

    return write


def test_a_folder_is_obtained(save, card, model, tmp_path):
    folder = save()
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    out = tmp_path / "out"
    out.mkdir()
    obtain(card(sha256="0" * 64), WeightsSource("tiny", "local-dir", folder), out)
    assert read_json(out / "card.json")["pretrained"] == "local-dir"


def test_a_folder_says_how_its_frames_are_normalised(save, card, model, tmp_path):
    folder = save()
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    written = read_json(folder / "open_clip_config.json")
    found = []
    for said in ({}, None, {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.5], "size": 16}):
        write_json({**written, "preprocess_cfg": said}, folder / "open_clip_config.json")
        out = tmp_path / f"out{len(found)}"
        out.mkdir()
        obtain(card(), WeightsSource("tiny", "local-dir", folder), out)
        stored = read_json(out / "card.json")
        found.append((stored["config"]["mean"], stored["config"]["std"]))
    assert found == [([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])] * 2 + [([0.5, 0.5, 0.5], [0.25, 0.25, 0.5])]
    assert "less the mean 0.500, 0.500, 0.500 by 0.250, 0.250, 0.500" in stored["notice"]


@pytest.mark.parametrize(
    "said", [3, {"mean": 0.5}, {"mean": [0.5, 0.5]}, {"std": [0.1, 0.2, 0]}, {"mean": [0.1, True, "a"]},
             {"std": [0.1, 0.2, float("inf")]}],
)  # fmt: skip
def test_what_normalises_nothing_is_refused(save, said):
    folder = save()
    written = read_json(folder / "open_clip_config.json")
    (folder / "open_clip_config.json").write_text(json.dumps({**written, "preprocess_cfg": said}))
    with pytest.raises(InputError, match=r"open_clip_config\.json.*preprocess_cfg"):
        normalisation(folder)


def test_defaults_that_are_written_out_do_not_differ(save, config):
    check_config(save("vision_cfg", mlp_ratio=4.0, patch_dropout=0.0), config, "tiny-vit")


@pytest.mark.parametrize(
    ("part", "changes", "word"),
    [
        (None, {"quick_gelu": False}, "quick_gelu is false, expected true"),
        ("vision_cfg", {"layers": 5}, r"vision_cfg\.layers is 5, expected 4"),
        ("text_cfg", {"width": 32}, r"text_cfg\.width is 32, expected 16"),
    ],
)
def test_what_differs_is_shown(save, config, part, changes, word):
    with pytest.raises(InputError, match=word):
        check_config(save(part, **changes), config, "tiny-vit")


def test_a_missing_quickgelu_is_a_difference(save, config, tmp_path):
    save()
    theirs = read_json(tmp_path / "open_clip_config.json")
    del theirs["model_cfg"]["quick_gelu"]
    write_json(theirs, tmp_path / "open_clip_config.json")
    with pytest.raises(InputError, match="quick_gelu is false"):
        check_config(tmp_path, config, "tiny-vit")


@pytest.mark.parametrize("value", [{}, {"model_cfg": {"embed_dim": 3}}, {"model_cfg": {"vision_cfg": {"what": 1}}}])
def test_what_is_no_configuration_is_refused(tmp_path, config, value):
    write_json(value, tmp_path / "open_clip_config.json")
    with pytest.raises(InputError, match=r"open_clip_config\.json"):
        check_config(tmp_path, config, "tiny-vit")


def test_without_a_configuration(tmp_path, config):
    with pytest.raises(InputError, match=r"open_clip_config\.json does not exist"):
        check_config(tmp_path, config, "tiny-vit")


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["a.pt"], "a.pt"),
        (
            ["a.bin", "b.bin", "open_clip_pytorch_model.bin", "open_clip_model.safetensors"],
            "open_clip_model.safetensors",
        ),
        (["z.pt", "open_clip_pytorch_model.bin", "notes.txt"], "open_clip_pytorch_model.bin"),
    ],
)
def test_which_file_is_taken(tmp_path, names, chosen):
    for name in names:
        (tmp_path / name).touch()
    assert find_weights(tmp_path).name == chosen


@pytest.mark.parametrize("names", [[], ["a.bin", "b.bin"], ["notes.txt"]])
def test_no_file_or_a_choice_is_an_error(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="needs one weights file"):
        find_weights(tmp_path)
