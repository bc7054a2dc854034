"""CLIP's ResNet against open_clip's own forward pass and against plain convolutions and attention of torch."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mcdrl.base.errors import InputError
from mcdrl.clip.dense import RESNET_MODES
from mcdrl.clip.resnet import pool_densely
from tests.clip import surgery_by_hand


def close(found, expected, atol=2e-5):
    torch.testing.assert_close(found, expected, atol=atol, rtol=1e-4)


def last_map(model, pixels):
    return model.visual.forward_intermediates(pixels, indices=[4])["image_intermediates"][0]


def as_torch_attention(pool, query, key, value):
    """torch's attention with the pool's projections; the output projection is the pool's c_proj."""
    width = pool.v_proj.in_features
    attention = nn.MultiheadAttention(width, pool.num_heads, batch_first=True)
    with torch.no_grad():
        attention.in_proj_weight.copy_(torch.cat([layer.weight for layer in (query, key, value)]))
        attention.in_proj_bias.copy_(torch.cat([layer.bias for layer in (query, key, value)]))
        attention.out_proj.weight.copy_(torch.eye(width))
        attention.out_proj.bias.zero_()
    return lambda tokens: pool.c_proj(attention(tokens, tokens, tokens)[0])


def tokens_of(pool, x):
    places = x.flatten(2).transpose(1, 2)
    return torch.cat([places.mean(1, keepdim=True), places], 1) + pool.positional_embedding


@pytest.mark.parametrize("mode", RESNET_MODES)
def test_image_vector_is_open_clips_own(clip_encoder, clip_model, frames, standardised, mode):
    encoder = clip_encoder("resnet", mode)
    x = frames(encoder)
    close(encoder.encode(x).image_embedding, clip_model("resnet").encode_image(standardised(x), normalize=True))


@torch.no_grad()
def test_maskclip_is_value_and_output_projection_as_convolutions(clip_encoder, clip_model, frames, standardised):
    encoder, model = clip_encoder("resnet", "maskclip"), clip_model("resnet")
    x, pool = frames(encoder), model.visual.attnpool
    value = F.conv2d(last_map(model, standardised(x)), pool.v_proj.weight[..., None, None], pool.v_proj.bias)
    joint = F.conv2d(value, pool.c_proj.weight[..., None, None], pool.c_proj.bias)
    close(encoder.encode(x).dense, F.normalize(joint, dim=1))


@torch.no_grad()
@pytest.mark.parametrize("mode", ["plain", "vv_attention"])
def test_attention_modes_are_torchs_attention(clip_encoder, clip_model, frames, standardised, mode):
    encoder, model = clip_encoder("resnet", mode), clip_model("resnet")
    x, pool = frames(encoder), model.visual.attnpool
    first, second = (pool.q_proj, pool.k_proj) if mode == "plain" else (pool.v_proj, pool.v_proj)
    attend = as_torch_attention(pool, first, second, pool.v_proj)
    joint = attend(tokens_of(pool, last_map(model, standardised(x))))[:, 1:]
    close(encoder.encode(x).dense.flatten(2), F.normalize(joint, dim=2).transpose(1, 2))


@torch.no_grad()
def test_clip_surgery_compares_values_by_eightfold_cosines(clip_model):
    pool = clip_model("resnet").visual.attnpool
    grid = 3 * torch.randn(2, 256, 2, 2, generator=torch.Generator().manual_seed(0))  # places that differ
    by_hand = surgery_by_hand.pool_map(surgery_by_hand.numbers(pool), grid.double().numpy(), heads=pool.num_heads)
    expected = torch.from_numpy(by_hand).float()
    image, dense = pool_densely(pool, grid, "clip_surgery")
    close(F.normalize(dense, dim=1), expected)
    close(image, pool(grid))
    assert (F.normalize(pool_densely(pool, grid, "vv_attention")[1], dim=1) - expected).abs().max() > 0.05


@torch.no_grad()
def test_the_encoders_clip_surgery_is_that_of_its_last_map(clip_encoder, clip_model, frames, standardised):
    encoder, model = clip_encoder("resnet", "clip_surgery"), clip_model("resnet")
    x, pool = frames(encoder), model.visual.attnpool
    grid = last_map(model, standardised(x)).double().numpy()
    expected = surgery_by_hand.pool_map(surgery_by_hand.numbers(pool), grid, heads=pool.num_heads)
    close(encoder.encode(x).dense, torch.from_numpy(expected).float())


def test_maps_are_the_stages(clip_encoder, clip_model, frames, standardised):
    encoder = clip_encoder("resnet", taps=["s4", "s16", "s32"])
    x = frames(encoder)
    found = encoder.encode(x).maps
    expected = clip_model("resnet").visual.forward_intermediates(standardised(x), indices=[1, 3, 4])
    assert list(found) == ["s4", "s16", "s32"]
    for tap, reference in zip(found, expected["image_intermediates"], strict=True):
        close(found[tap], reference)
        assert found[tap].shape[2] == encoder.size_px // int(tap[1:])


def test_the_suffix_keeps_clips_statistics_in_training(clip_encoder, frames):
    encoder = clip_encoder("resnet", "maskclip")
    encoded, suffix = encoder.encode(frames(encoder)), encoder.upper_blocks()
    before = {name: value.clone() for name, value in suffix.named_buffers()}
    suffix(encoded.prefix, encoded.maps)
    assert suffix.training
    assert before
    for name, value in suffix.named_buffers():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("changes", "word"), [({"taps": ["b1"]}, "b1"), ({"suffix_from": "s32"}, "s32"), ({"mode": "naclip"}, "naclip")]
)
def test_what_the_tower_lacks_is_named(clip_encoder, changes, word):
    with pytest.raises(InputError, match=word):
        clip_encoder("resnet", **changes)
