"""Frames to features, by hand with channel means."""

import numpy as np
import pytest
import torch
from PIL import Image

from mcdrl.artifacts.features import FEATURES
from mcdrl.base.errors import InputError
from mcdrl.clip.encoder import Encoded
from mcdrl.clip.encoding import encode, precision, to_frames
from mcdrl.networks.inputs import to_batch
from tests.stub_encoders import SIDE, MeanEncoder

CPU = torch.device("cpu")
PROVENANCE = {"device": "cpu", "precision": "float32"}


def images(n, side=SIDE):
    return np.random.default_rng(5).integers(0, 256, (n, side, side, 3), dtype=np.uint8)


def test_features_are_channel_means_channels_last():
    stored = images(2)
    rows = encode(MeanEncoder(), stored, ["A/1", "A/2"])
    scaled = stored.astype(np.float64) / 255
    quarter = scaled.reshape(2, 4, 4, 4, 4, 3).mean((2, 4))
    expected = {
        "dense": quarter,
        "image": scaled.mean((1, 2)),
        "maps__s2": scaled.reshape(2, 8, 2, 8, 2, 3).mean((2, 4)),
        "maps__s4": quarter,
        "prefix": scaled.mean((1, 2))[:, None],
    }
    assert rows.keys() == expected.keys()
    for name, values in expected.items():
        assert rows[name].dtype == np.float16
        np.testing.assert_allclose(rows[name], values, atol=1e-3)


def test_frames_of_the_encoders_size_are_only_scaled():
    stored = images(1)
    frames = to_frames(stored, 16, CPU)
    assert torch.equal(frames, torch.from_numpy(stored).permute(0, 3, 1, 2) / 255)


@pytest.mark.parametrize("side", [8, 40])
def test_other_sizes_are_squashed_as_pillow_does(side):
    stored = images(1, side=24)
    reference = np.asarray(Image.fromarray(stored[0]).resize((side, side), Image.Resampling.BILINEAR)) / 255
    found = to_frames(stored, side, CPU)[0].permute(1, 2, 0).numpy()
    assert found.shape == (side, side, 3)
    np.testing.assert_allclose(found, reference, atol=1.5 / 255)


def test_a_feature_that_is_not_finite_names_the_frame():
    class Broken(MeanEncoder):
        def encode(self, frames):
            good = super().encode(frames)
            good.maps["s4"][1, 0, 0, 0] = 1e5  # finite, but not in float16
            return Encoded(good.dense, good.image_embedding, good.maps, good.prefix)

    with pytest.raises(InputError, match=r"frame 'A/2': maps/s4 isn't finite"):
        encode(Broken(), images(3), ["A/1", "A/2", "A/3"])


def test_a_real_encoder_fills_the_contract(tmp_path):
    import open_clip

    from mcdrl.clip.frozen import Setup
    from mcdrl.clip.vit import VitEncoder

    config = {
        "embed_dim": 8,
        "vision_cfg": {"image_size": 16, "layers": 4, "width": 16, "patch_size": 4, "head_width": 8},
        "text_cfg": {"width": 8, "heads": 1, "layers": 1},
    }
    setup = Setup((0.5,) * 3, (0.3,) * 3, None, None, "maskclip", "f", open_clip.SimpleTokenizer())
    encoder = VitEncoder(open_clip.CLIP(**config), setup)
    stored, cases = images(3), ["A/1", "A/2", "A/3"]
    stamps = {
        "site": "A",
        "backbone": "tiny",
        "fingerprint": "f",
        "dense_mode": "maskclip",
        "taps": "{}",
        "prefix_tap": encoder.prefix_tap,
    } | PROVENANCE
    with FEATURES.write(tmp_path / "A.h5", cases, stamps) as writer:
        for group, part in ((cases[:2], stored[:2]), (cases[2:], stored[2:])):
            writer.append(**encode(encoder, part, group))
    with FEATURES.read(tmp_path / "A.h5") as reader:
        dense, prefix = reader.rows("dense", cases), reader.rows("prefix", cases)
        maps = {tap: reader.rows(f"maps/{tap}", cases) for tap in reader.members("maps")}
    assert dense.shape == (3, 4, 4, 8)
    np.testing.assert_allclose(np.linalg.norm(dense.astype(np.float32), axis=3), 1, atol=2e-3)
    assert sorted(maps) == ["b1", "b2", "b3", "b4"]
    tokens = maps["b3"].reshape(3, 16, 16)  # the map that the prefix is, behind the class token
    again = encoder.upper_blocks()(
        torch.from_numpy(np.concatenate([prefix, tokens], 1)).float(),
        {tap: torch.from_numpy(value).permute(0, 3, 1, 2).float() for tap, value in maps.items()},
    )
    np.testing.assert_allclose(again.dense.detach().permute(0, 2, 3, 1), dense, atol=5e-3)


@pytest.mark.parametrize(("kind", "beside"), [("vit", (1, 64)), ("resnet", None)])
def test_a_prefix_is_stored_once_and_comes_back_bit_by_bit(clip_encoder, kind, beside):
    encoder = clip_encoder(kind)
    shown = images(2, encoder.size_px)
    rows = encode(encoder, shown, ["A/1", "A/2"])
    stored = rows.pop("prefix", None)
    assert (None if stored is None else stored.shape[1:]) == beside
    raw = {f"features/{name.replace('__', '/')}": value for name, value in rows.items()}
    raw[f"features/prefix/{encoder.prefix_tap}"] = np.zeros((2, 0), np.float16) if stored is None else stored
    raw |= {"frames/image": shown, "regions/similarity": np.zeros((2, 1, 1)), "regions/selected": np.ones((2, 1, 1))}
    expected = encoder.encode(to_frames(shown, encoder.size_px, CPU)).prefix.half().float()
    assert torch.equal(to_batch(raw, [-1, -1], CPU).encoded.prefix, expected)


@pytest.mark.parametrize(
    ("kind", "mode", "setup"),
    [
        ("vit", "plain", {"taps": ["b1"], "suffix_from": "b2"}),
        ("resnet", "plain", {"taps": ["s4"], "suffix_from": "s8"}),
        ("vit", "clip_surgery", {}),  # its path stands behind the tokens
    ],
)
def test_a_prefix_that_is_no_tap_s_map_is_stored_whole(clip_encoder, kind, mode, setup):
    encoder = clip_encoder(kind, mode, **setup)
    shown = images(1, encoder.size_px)
    assert encoder.prefix_tap is None
    expected = encoder.encode(to_frames(shown, encoder.size_px, CPU)).prefix.half()
    assert torch.equal(torch.from_numpy(encode(encoder, shown, ["A/1"])["prefix"]), expected)


def test_frames_are_encoded_in_the_precision_of_the_device():
    assert precision(CPU) == torch.float32
    assert precision(torch.device("cuda")) == torch.bfloat16
