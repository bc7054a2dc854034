"""What the backbone stage stores, as an encoder again."""

import pytest
import torch
from safetensors.torch import save_file

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json
from mcdrl.clip.build import fingerprint
from mcdrl.clip.card import read_stored
from mcdrl.clip.load import load_encoder
from tests.factories import write_lite0


@pytest.fixture
def stored(tmp_path, clip_model, clip_config):
    """kind -> a folder as the backbone stage writes it."""

    def write(kind, **changes):
        state = clip_model(kind).state_dict()
        save_file(state, tmp_path / "weights.safetensors")
        config = {"model": clip_config(kind), "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]}
        config |= {"taps": None, "suffix_from": None}
        card = {
            "name": "mine", "title": "T", "family": "open_clip", "model": "M", "pretrained": "file",
            "source_sha256": None, "dense": "maskclip", "licence": "MIT", "notice": "N",
            "fingerprint": fingerprint(state, config), "config": config,
        }  # fmt: skip
        write_json(card | changes, tmp_path / "card.json")
        return tmp_path

    return write


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_the_stored_model_gives_the_models_features(stored, clip_encoder, frames, kind):
    loaded, direct = load_encoder(stored(kind)), clip_encoder(kind, "maskclip")
    x = frames(direct)
    found, expected = loaded.encode(x), direct.encode(x)
    for name in ("dense", "image_embedding", "prefix"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))
    prompts = ["An endoscopy image with mucus"]
    torch.testing.assert_close(loaded.encode_text(prompts), direct.encode_text(prompts))
    assert (loaded.fingerprint, loaded.dense_mode) == (read_stored(stored(kind)).fingerprint, "maskclip")


def test_the_mode_can_be_chosen_and_keeps_the_fingerprint(stored):
    folder = stored("vit")
    assert load_encoder(folder, "naclip").dense_mode == "naclip"
    assert load_encoder(folder, "naclip").fingerprint == load_encoder(folder).fingerprint


def test_a_mode_of_another_tower_is_refused(stored):
    with pytest.raises(InputError, match=r"encode\.dense .* says 'naclip'.*maskclip"):
        load_encoder(stored("resnet"), "naclip")


def test_damage_is_refused(stored):
    folder = stored("vit")
    weights = folder / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        load_encoder(folder)
    weights.unlink()
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        load_encoder(folder)
    (folder / "card.json").unlink()
    with pytest.raises(InputError, match=r"card\.json"):
        load_encoder(folder)


def test_a_flipped_bit_is_refused(stored):
    weights = stored("vit") / "weights.safetensors"
    whole = bytearray(weights.read_bytes())
    whole[len(whole) // 2] ^= 1
    weights.write_bytes(whole)
    with pytest.raises(InputError, match=r"weights\.safetensors is damaged.*copy the folder again"):
        load_encoder(weights.parent)


def test_weights_that_do_not_fit_are_refused(stored, clip_model):
    folder = stored("vit")
    save_file(clip_model("resnet").state_dict(), folder / "weights.safetensors")
    with pytest.raises(InputError, match="missing"):
        load_encoder(folder)


def test_a_damaged_configuration_is_refused(stored):
    with pytest.raises(InputError, match="mean: missing"):
        load_encoder(stored("vit", config={"model": {}, "std": [1.0, 1.0, 1.0], "taps": None, "suffix_from": None}))


@pytest.fixture
def card_alone(tmp_path):
    """A folder of lite0's card, beside the whole one."""
    write_lite0(tmp_path / "whole")
    write_json(read_json(tmp_path / "whole" / "card.json"), tmp_path / "alone" / "card.json")
    return tmp_path / "alone"


def test_of_lite0_a_card_is_enough(card_alone):
    found, whole = load_encoder(card_alone), load_encoder(card_alone.parent / "whole")
    assert found.fingerprint == whole.fingerprint
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert torch.equal(found.encode(x).dense, whole.encode(x).dense)
    assert [path.name for path in card_alone.iterdir()] == ["card.json"]


def test_a_card_of_another_lite0_is_refused(card_alone):
    write_json({**read_json(card_alone / "card.json"), "fingerprint": "0" * 64}, card_alone / "card.json")
    with pytest.raises(InputError, match=r"card\.json is of a lite0 with the fingerprint 000000000000, installed is"):
        load_encoder(card_alone)


def test_a_folder_that_holds_no_backbone_is_not_blamed_on_the_pipeline_alone(tmp_path):
    with pytest.raises(InputError, match=r"card\.json does not exist; name a backbone's folder; copy it again, or run"):
        read_stored(tmp_path / "nothing")
