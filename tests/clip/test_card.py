"""Backbone cards: strict, all errors at once, and the shipped ones true to open_clip and to their own towers."""

import open_clip
import pytest
from pydantic import ValidationError

from mcdrl.base.errors import InputError
from mcdrl.base.files import write_json
from mcdrl.clip.build import skeleton
from mcdrl.clip.card import read_card, read_stored
from mcdrl.clip.dense import VIT_MODES
from mcdrl.clip.frozen import Setup, choose
from mcdrl.clip.resnet import ResNetEncoder
from mcdrl.clip.vit import VitEncoder
from tests.factories import section_params
from tests.projects import ROOT

SHIPPED = ROOT / "data/backbones"
OPEN_CLIP = ["rn50", "vit_b16", "vit_l14"]
GRIDS = {"rn50": (7, 1024), "vit_b16": (14, 512), "vit_l14": (16, 768)}
WHOLE = "title: T\nfamily: open_clip\nmodel: M\nlicence: MIT\nnotice: N\n"


def encoder_of(card):
    model = skeleton(open_clip.get_model_config(card.model))
    kind = VitEncoder if "ViT" in card.model else ResNetEncoder
    return kind(
        model, Setup((0,) * 3, (1,) * 3, card.taps, card.suffix_from, card.dense, "f", open_clip.SimpleTokenizer())
    )


def test_every_shipped_card_is_valid():
    names = {path.stem for path in SHIPPED.glob("*.yaml")}
    assert names == {"lite0", "lite1", "lite2", *OPEN_CLIP}
    assert all(read_card(name, SHIPPED).notice for name in names)


@pytest.mark.parametrize("name", OPEN_CLIP)
def test_published_hash_is_the_one_in_open_clips_address(name):
    card = read_card(name, SHIPPED)
    assert card.sha256 in open_clip.get_pretrained_cfg(card.model, card.pretrained)["url"].split("/")


@pytest.mark.parametrize("name", OPEN_CLIP)
def test_openai_weights_come_with_quickgelu(name):
    card = read_card(name, SHIPPED)
    assert card.pretrained == "openai"
    assert open_clip.get_model_config(card.model)["quick_gelu"] is True


@pytest.mark.parametrize("name", OPEN_CLIP)
def test_taps_suffix_and_mode_exist_in_the_tower(name):
    encoder = encoder_of(read_card(name, SHIPPED))
    visual = encoder.model.visual
    side = visual.grid_size[0] if hasattr(visual, "grid_size") else encoder.size_px // 32
    assert (side, encoder.width) == GRIDS[name]


def test_all_errors_of_a_card_are_shown_at_once(tmp_path):
    (tmp_path / "mine.yaml").write_text("title: T\nfamily: open_clop\nmodel: M\nnotice: N\nsha256: abc\ntabs: [s4]\n")
    with pytest.raises(InputError) as caught:
        read_card("mine", tmp_path)
    message = str(caught.value)
    assert "4 error(s)" in message
    for part in ("family", "licence: missing", "sha256", "tabs: unknown key; did you mean 'taps'?"):
        assert part in message


def test_defaults_of_a_users_card(tmp_path):
    (tmp_path / "mine.yaml").write_text(WHOLE)
    card = read_card("mine", tmp_path)
    assert (card.sha256, card.pretrained, card.taps, card.suffix_from, card.dense) == (
        None,
        None,
        None,
        None,
        "maskclip",
    )


def test_the_former_name_of_a_dense_mode_is_refused_with_the_new_one(tmp_path):
    (tmp_path / "mine.yaml").write_text(WHOLE + "dense: surgery\n")
    with pytest.raises(InputError, match=r"dense: 'surgery' is called vv_attention here.*last six blocks"):
        read_card("mine", tmp_path)
    with pytest.raises(ValidationError, match="'surgery' is called vv_attention here"):
        section_params("encode", dense="surgery")
    with pytest.raises(InputError, match=r"'surgery' is called vv_attention here.*dvc repro"):  # an older model's
        choose("dense", "surgery", VIT_MODES)
    for mode in ("vv_attention", "clip_surgery"):
        assert section_params("encode", dense=mode).dense == mode


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "title: [\n", WHOLE + WHOLE])
def test_what_is_no_card_is_refused(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=r"mine\.yaml"):
        read_card("mine", tmp_path)


def test_an_unknown_name_gets_the_nearest(tmp_path):
    (tmp_path / "vit_b16.yaml").write_text(WHOLE)
    with pytest.raises(InputError, match="did you mean 'vit_b16'"):
        read_card("vitb16", tmp_path)


def test_a_damaged_stored_card_is_refused(tmp_path):
    write_json({"name": "rn50"}, tmp_path / "card.json")
    with pytest.raises(InputError, match=r"(?s)card\.json.*fingerprint: missing"):
        read_stored(tmp_path)
    with pytest.raises(InputError, match="dvc repro"):
        read_stored(tmp_path / "absent")
