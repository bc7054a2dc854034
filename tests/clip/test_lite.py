import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mcdrl.base.errors import InputError
from mcdrl.base.files import write_json
from mcdrl.clip import lite
from mcdrl.clip.card import WEIGHTS
from mcdrl.clip.lite import LiteEncoder, new_joint, new_tower, obtain, save_trained
from mcdrl.clip.lite_joint import hypercolumns
from mcdrl.clip.lite_trunk import LITE0
from mcdrl.clip.words import Vocabulary

WORDS = Vocabulary.of(["a polyp in an endoscopic image with blood"])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A shipped folder with random trained parts, and the backbone folder made of it."""
    root = tmp_path_factory.mktemp("lite")
    torch.manual_seed(1)
    joint = new_joint()
    joint.mean.uniform_(-0.5, 0.5)
    joint.std.uniform_(0.5, 2)
    save_trained(joint, new_tower(WORDS), WORDS, root / "shipped")
    obtain(root / "backbone", root / "shipped")
    return root / "shipped", root / "backbone"


@pytest.fixture
def encoder(folders):
    return LiteEncoder.from_folder(folders[1], "auto")


@pytest.fixture(scope="module")
def frames():
    return torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def test_features_have_their_shapes_and_unit_norm(encoder, frames):
    encoded = encoder.encode(frames)
    assert encoded.dense.shape == (2, 128, 14, 14)
    assert {name: tuple(value.shape[1:]) for name, value in encoded.maps.items()} == {
        "s4": (24, 56, 56), "s8": (40, 28, 28), "s16": (112, 14, 14), "s32": (320, 7, 7),
    }  # fmt: skip
    torch.testing.assert_close(encoded.dense.norm(dim=1), torch.ones(2, 14, 14))
    torch.testing.assert_close(encoded.image_embedding.norm(dim=1), torch.ones(2))
    assert torch.equal(encoded.prefix, encoded.maps["s8"])
    assert not encoded.dense.requires_grad


def test_a_frame_is_encoded_independently_of_its_neighbours(encoder, frames):
    torch.testing.assert_close(encoder.encode(frames[1:]).dense, encoder.encode(frames).dense[1:], atol=1e-5, rtol=0)


def test_hypercolumns_line_up_with_the_frame():
    """A spot in the frame's corner lights up the corner of the grid in all three maps."""
    maps = {"s8": torch.zeros(1, 40, 28, 28), "s16": torch.zeros(1, 112, 14, 14), "s32": torch.zeros(1, 320, 7, 7)}
    for values in maps.values():
        values[..., 0, -1] = 1
    found = hypercolumns(maps)
    assert found.shape == (1, LITE0.hypercolumn_channels, 14, 14)
    for part in (found[0, 0], found[0, 40], found[0, 152]):
        assert divmod(int(part.argmax()), 14) == (0, 13)
    assert found[0, 0].max() == 0.25  # the mean of four places of stride 8


def test_the_standardisation_is_applied_before_the_projection(encoder):
    x = torch.randn(1, LITE0.hypercolumn_channels, 2, 2)
    plain = new_joint().eval()
    plain.layers.load_state_dict(encoder.joint.layers.state_dict())
    by_hand = (x - encoder.joint.mean[:, None, None]) / encoder.joint.std[:, None, None]
    torch.testing.assert_close(encoder.joint(x)[0], plain(by_hand)[0])


def test_loading_twice_gives_equal_features_and_fingerprints(encoder, folders, frames):
    again = LiteEncoder.from_folder(folders[1], "plain")
    assert torch.equal(again.encode(frames).dense, encoder.encode(frames).dense)
    assert again.fingerprint == encoder.fingerprint
    assert again.dense_mode == encoder.dense_mode == "plain"


def test_obtaining_twice_gives_equal_bytes(folders, tmp_path):
    shipped, backbone = folders
    obtain(tmp_path, shipped)
    for name in (WEIGHTS, lite.WORDS_FILE):
        assert (tmp_path / name).read_bytes() == (backbone / name).read_bytes()


def test_another_text_tower_gives_another_fingerprint(encoder, tmp_path):
    torch.manual_seed(2)
    save_trained(new_joint(), new_tower(WORDS), WORDS, tmp_path / "shipped")
    obtain(tmp_path / "backbone", tmp_path / "shipped")
    assert LiteEncoder.from_folder(tmp_path / "backbone", "auto").fingerprint != encoder.fingerprint


def test_prompts_are_encoded_without_building_the_image_tower(encoder):
    assert encoder.encode_text(["a polyp", "blood"]).shape == (2, 128)
    assert encoder._trunk is None
    assert encoder.unknown_words(["a red polyp", "red zebra"]) == ["red", "zebra"]


def test_an_untrained_suffix_gives_the_cached_features_in_both_modes(encoder, frames):
    cached = encoder.encode(frames)
    suffix = encoder.upper_blocks()
    for mode in (True, False):
        again = suffix.train(mode)(cached.prefix, {"s4": cached.maps["s4"], "s8": cached.maps["s8"]})
        torch.testing.assert_close(again.dense, cached.dense, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(again.image_embedding, cached.image_embedding, atol=1e-5, rtol=1e-5)
        assert list(again.maps) == ["s4", "s8", "s16", "s32"]
        torch.testing.assert_close(again.maps["s32"], cached.maps["s32"], atol=1e-4, rtol=1e-4)
        assert again.maps["s8"] is cached.maps["s8"]


def test_gradients_reach_every_trainable_parameter_of_the_suffix_and_no_other(encoder, frames):
    cached = encoder.encode(frames)
    suffix = encoder.upper_blocks()
    encoded = suffix(cached.prefix, cached.maps)
    (encoded.dense * torch.randn_like(encoded.dense)).sum().backward()
    for name, parameter in suffix.named_parameters():
        if name.startswith("joint."):
            assert not parameter.requires_grad
            assert parameter.grad is None
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_an_untrained_front_and_suffix_give_the_features_and_gradients_reach_the_front(encoder, frames):
    cached, front, suffix = encoder.encode(frames), encoder.lower_blocks(), encoder.upper_blocks()
    again = suffix(*front(frames))
    torch.testing.assert_close(again.dense, cached.dense, atol=1e-5, rtol=1e-5)
    assert list(again.maps) == list(cached.maps)
    torch.testing.assert_close(again.maps["s4"], cached.maps["s4"], atol=1e-4, rtol=1e-4)
    (again.dense * torch.randn_like(again.dense)).sum().backward()
    for name, parameter in front.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_a_frozen_front_says_what_the_encoder_says_and_has_nothing_to_train(encoder, frames):
    cached, front = encoder.encode(frames), encoder.lower_blocks().frozen()
    prefix, maps = front.train()(frames)
    assert not prefix.requires_grad
    assert not any(parameter.requires_grad for parameter in front.parameters())
    torch.testing.assert_close(prefix, cached.prefix, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(maps["s4"], cached.maps["s4"], atol=1e-5, rtol=1e-5)
    assert sum(value.numel() for value in front.parameters()) < sum(
        v.numel() for v in encoder.lower_blocks().parameters()
    )


def test_training_a_suffix_leaves_encoder_and_statistics_alone(encoder, frames):
    before = encoder.encode(frames)
    suffix = encoder.upper_blocks()
    norms = [module for module in suffix.modules() if isinstance(module, nn.BatchNorm2d)]
    means = [norm.running_mean.clone() for norm in norms]
    optimizer = torch.optim.SGD([value for value in suffix.parameters() if value.requires_grad], lr=0.1)
    suffix(before.prefix, before.maps).dense[:, 0].sum().backward()
    optimizer.step()
    moved = suffix(before.prefix, before.maps)
    assert not torch.allclose(moved.dense, before.dense, atol=1e-4)
    assert torch.equal(encoder.encode(frames).dense, before.dense)
    assert all(torch.equal(norm.running_mean, mean) for norm, mean in zip(norms, means, strict=True))


def test_the_encoder_stays_in_evaluation_mode(encoder, frames):
    encoder.encode(frames)
    assert not any(module.training for module in encoder.train().modules())


@pytest.mark.parametrize("mode", ["maskclip", "vv_attention", "plane"])
def test_dense_modes_of_other_models_are_refused(folders, mode):
    with pytest.raises(InputError, match=f"'{mode}'.*legal: auto, plain"):
        LiteEncoder.from_folder(folders[1], mode)


def test_missing_and_damaged_files_are_named(folders, tmp_path):
    with pytest.raises(InputError, match=r"weights\.safetensors does not exist"):
        LiteEncoder.from_folder(tmp_path, "auto")
    with pytest.raises(InputError, match=r"tower\.safetensors does not exist"):
        obtain(tmp_path, tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"half a file")
    with pytest.raises(InputError, match="damaged"):
        LiteEncoder.from_folder(tmp_path, "auto")
    weights = (folders[1] / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(weights)
    (tmp_path / "words.json").write_text('{"schema": "lite0/1", "words": ["a"]}')
    with pytest.raises(InputError, match="doesn't fit: it is for"):
        LiteEncoder.from_folder(tmp_path, "auto")
    (tmp_path / "words.json").write_text('{"schema": "other", "words": ["a"]}')
    with pytest.raises(InputError, match="schema 'other'"):
        LiteEncoder.from_folder(tmp_path, "auto")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": "lite0/1"}', "'words' is no list of words"),
        ('{"schema": "lite0/1", "words": {"polyp": 1}}', "'words' is no list of words"),
        ('{"schema": "lite0/1", "words": ["polyp", 3]}', "'words' is no list of words"),
        ('{"schema": "lite0/1", "words": ["polyp", "polyp"]}', "single words, each once"),
        ('{"schema": "lite0/1", "words": ["pol', "is not valid JSON"),
        ('{"schema": "lite0/2", "words": []}', "has schema 'lite0/2'"),
    ],
)
def test_a_damaged_file_of_words_is_told(folders, tmp_path, text, said):
    shutil.copytree(folders[0], tmp_path / "shipped")
    (tmp_path / "shipped" / lite.WORDS_FILE).write_text(text)
    with pytest.raises(InputError, match=rf"words\.json .*{said}"):
        lite.read_trained(tmp_path / "shipped")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["blood", "polyp"], r"it is for \d+ words, words\.json beside it makes 3"),
        (5, "'words' is no list of words"),
        ([1, 2], "'words' is no list of words"),
    ],
)
def test_words_that_the_weights_dont_have_are_refused(folders, tmp_path, words, said):
    shutil.copytree(folders[1], tmp_path / "b")
    write_json({"schema": "lite0/1", "words": words}, tmp_path / "b" / "words.json")
    with pytest.raises(InputError, match=said):
        LiteEncoder.from_folder(tmp_path / "b", "auto")


def test_an_image_tower_of_another_network_is_refused_in_a_sentence(folders, tmp_path, frames):
    shutil.copytree(folders[1], tmp_path / "b")
    path = tmp_path / "b" / "weights.safetensors"
    save_file({**load_file(path), "image.conv_stem.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(InputError, match="aren't lite0's"):
        LiteEncoder.from_folder(tmp_path / "b", "auto").encode(frames)
