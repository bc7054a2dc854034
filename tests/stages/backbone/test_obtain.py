"""From card and source to a folder that loads: every source, equal bytes, and errors that name the first keys."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, sha256
from mcdrl.clip.load import load_encoder
from mcdrl.clip.sources import WeightsSource
from stages.backbone import openclip
from stages.backbone.obtain import obtain
from tests.stages.backbone.conftest import CONFIG, TAG

FILES = ("card.json", "weights.safetensors")


@dataclass
class Run:
    folder: Path

    def __call__(self, card, source, name="out"):
        out = self.folder / name
        out.mkdir()
        obtain(card, source, out)
        return out


@pytest.fixture
def run(tmp_path):
    """(card, source) -> the folder that was written."""
    return Run(tmp_path)


@pytest.fixture
def weights(tmp_path, model):
    save_file(model.state_dict(), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


def test_random_weights_say_so_and_come_out_equal(run, card):
    first, second = (run(card(), WeightsSource("tiny", "random"), name) for name in ("a", "b"))
    for file in FILES:
        assert (first / file).read_bytes() == (second / file).read_bytes()
    stored = read_json(first / "card.json")
    assert (stored["pretrained"], stored["source_sha256"]) == ("random", None)
    with safe_open(first / "weights.safetensors", "pt") as file:
        assert len(file.metadata() or {}) <= 1


def test_a_full_disk_is_the_operating_systems_error(tmp_path, card):
    (tmp_path / "weights.safetensors").symlink_to("/dev/full")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):  # what the runner turns into a sentence
        obtain(card(), WeightsSource("tiny", "random"), tmp_path)


def test_a_file_gives_its_own_features(run, card, model, weights):
    encoder = load_encoder(run(card(), WeightsSource("tiny", "file", weights)))
    frames = torch.rand(2, 3, 16, 16)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    expected = model.encode_image((frames - mean) / std, normalize=True)
    torch.testing.assert_close(encoder.encode(frames).image_embedding, expected, atol=1e-5, rtol=1e-4)


def test_the_published_file_counts_as_the_tag_and_another_as_a_file(run, card, weights):
    digest = sha256(weights)
    published = run(card(sha256=digest), WeightsSource("tiny", "file", weights), "a")
    own = run(card(sha256="0" * 64), WeightsSource("tiny", "file", weights, digest), "b")
    assert read_json(published / "card.json")["pretrained"] == "openai"
    assert read_json(own / "card.json")["pretrained"] == "file"
    assert read_json(own / "card.json")["source_sha256"] == digest


def told(folder):
    stored = read_json(folder / "card.json")
    return stored["title"], stored["licence"], stored["notice"]


def test_only_the_publishers_weights_carry_its_name_its_licence_and_its_notice(run, card, weights):
    digest, named = sha256(weights), {"publisher": "OpenAI"}
    assert told(run(card(**named, sha256=digest), WeightsSource("tiny", "file", weights), "a")) == (
        "Tiny (OpenAI)", "MIT", "For tests.",
    )  # fmt: skip
    title, licence, notice = told(
        run(card(**named, sha256="0" * 64), WeightsSource("tiny", "file", weights, digest), "b")
    )
    assert title == "Tiny (weights of a file that isn't known by its hash)"
    assert "OpenAI" not in title + licence + notice
    assert "MIT" not in licence
    assert notice.startswith("It runs with QuickGELU, as the card's model tiny-vit says, for a file of weights doesn't")
    assert told(run(card(**named), WeightsSource("tiny", "random"), "c"))[0] == "Tiny (random weights)"
    assert told(run(card(), WeightsSource("tiny", "file", weights), "d"))[0].startswith("Tiny (weights of a file")


def test_the_activation_that_is_told_is_the_one_that_runs(run, card, weights, monkeypatch):
    monkeypatch.setitem(
        openclip.open_clip.factory._MODEL_CONFIGS,
        "tiny-vit",
        {**openclip.open_clip.get_model_config("tiny-vit"), "quick_gelu": False},
    )
    folder = run(card(), WeightsSource("tiny", "file", weights))
    assert told(folder)[2].startswith("It runs with GELU,")
    assert read_json(folder / "card.json")["config"]["model"]["quick_gelu"] is False


@pytest.mark.parametrize("other", ["tiny-vit-quickgelu", None])
def test_a_tag_of_the_other_activation_is_refused(run, card, weights, monkeypatch, other):
    """For a file that isn't the tag's nobody knows; the hub is not asked for what can't be used."""
    configs, tag = openclip.open_clip.factory._MODEL_CONFIGS, TAG
    if other:
        monkeypatch.setitem(configs, other, configs["tiny-vit"])
        monkeypatch.setattr(openclip.open_clip, "list_models", lambda: [other])
    monkeypatch.setitem(configs, "tiny-vit", {**configs["tiny-vit"], "quick_gelu": False})
    monkeypatch.setitem(openclip.open_clip.pretrained._PRETRAINED, "tiny-vit", {"openai": {**tag, "quick_gelu": True}})
    monkeypatch.setattr(openclip, "from_hub", lambda *_: pytest.fail("asked"))
    mend = f"set model: {other}" if other else "choose another pretrained"
    for name, source in (("hub", WeightsSource("tiny", "card")), ("tag", WeightsSource("tiny", "file", weights))):
        with pytest.raises(InputError, match=f"pretrained openai, which was trained with QuickGELU.*{mend}"):
            run(card(sha256=sha256(weights)), source, name)
    assert told(run(card(), WeightsSource("tiny", "file", weights)))[2].startswith("It runs with GELU,")
    monkeypatch.setitem(configs, "tiny-vit", CONFIG)
    run(card(sha256=sha256(weights)), WeightsSource("tiny", "file", weights), "fits")


def test_the_hub_s_file_counts_as_the_tag(run, card, weights, monkeypatch):
    monkeypatch.setattr(openclip, "from_hub", lambda *_: weights)
    assert read_json(run(card(sha256="0" * 64), WeightsSource("tiny", "card")) / "card.json")["pretrained"] == "openai"


def test_the_container_and_the_mode_do_not_change_the_fingerprint(run, card, model, weights, tmp_path):
    torch.save({"state_dict": model.state_dict()}, tmp_path / "mine.pt")
    prints = [
        load_encoder(run(card(dense=mode), WeightsSource("tiny", "file", path), f"{mode}{path.suffix}")).fingerprint
        for mode in ("plain", "maskclip")
        for path in (weights, tmp_path / "mine.pt")
    ]
    assert len(set(prints)) == 1
    assert load_encoder(run(card(suffix_from="b2"), WeightsSource("tiny", "file", weights))).fingerprint not in prints


def test_no_path_is_stored(run, card, weights, tmp_path):
    assert str(tmp_path) not in (run(card(), WeightsSource("tiny", "file", weights)) / "card.json").read_text()


def test_weights_of_another_model_name_the_first_keys(run, card, model, tmp_path):
    state = {key: value for key, value in model.state_dict().items() if not key.startswith("ln_final")}
    state["visual.conv1.weight"] = state["visual.conv1.weight"][:, :, :4, :4].contiguous()
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(InputError) as caught:
        run(card(), WeightsSource("tiny", "file", tmp_path / "other.safetensors"))
    for part in (
        "2 missing: ln_final.weight",
        "visual.conv1.weight is (32, 3, 4, 4), expected (32, 3, 8, 8)",
        "tiny-vit",
    ):
        assert part in str(caught.value)


def test_a_scalar_stored_as_a_vector_fits(run, card, model, tmp_path):
    state = model.state_dict()
    state["logit_scale"] = state["logit_scale"].reshape(1)
    save_file(state, tmp_path / "a.safetensors")
    load_encoder(run(card(), WeightsSource("tiny", "file", tmp_path / "a.safetensors")))


def test_an_unknown_model_gets_the_nearest(run, card):
    with pytest.raises(InputError, match="did you mean 'RN50-quickgelu'"):
        run(card(model="RN50-quickgelo"), WeightsSource("tiny", "random"))


def test_the_embedded_model_takes_no_other_weights(run, card, weights):
    with pytest.raises(InputError, match="ships its own weights"):
        run(card(family="lite"), WeightsSource("tiny", "file", weights))


def test_the_embedded_model_takes_no_other_maps(run, card):
    with pytest.raises(InputError, match="the card of tiny says taps and suffix_from, which the family lite has fixed"):
        run(card(family="lite", taps=["s4"], suffix_from="s16"), WeightsSource("tiny", "card"))
