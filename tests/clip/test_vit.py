"""The vision transformer against open_clip's own forward pass, with its last block changed by hand."""

import copy

import pytest
import torch
from torch.nn import functional as F

from mcdrl.base.errors import InputError
from mcdrl.clip.dense import VIT_MODES, neighbour_bias
from mcdrl.clip.vit import evenly
from tests.clip import surgery_by_hand


def close(found, expected, atol=2e-5):
    torch.testing.assert_close(found, expected, atol=atol, rtol=1e-4)


def last_tokens(model, pixels):
    """open_clip's tokens after the last block and the final norm, projected to joint space, [B, D, H, W]."""
    depth = len(model.visual.transformer.resblocks)
    out = model.visual.forward_intermediates(pixels, indices=[depth - 1], normalize_intermediates=True)
    return torch.einsum("bchw,cd->bdhw", out["image_intermediates"][0], model.visual.proj)


def with_query_as(attention, part):
    """A copy of an attention whose queries and keys are both its own q, k or v."""
    width, row = attention.embed_dim, "qkv".index(part)
    changed = copy.deepcopy(attention)
    with torch.no_grad():
        weight = attention.in_proj_weight[row * width : (row + 1) * width]
        bias = attention.in_proj_bias[row * width : (row + 1) * width]
        for target in (0, 1):
            changed.in_proj_weight[target * width : (target + 1) * width] = weight
            changed.in_proj_bias[target * width : (target + 1) * width] = bias
    return changed


def block_inputs(model, pixels):
    """What enters each block, by hooks."""
    seen = []
    for block in model.visual.transformer.resblocks:
        block.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    model.visual(pixels)
    return seen


@pytest.mark.parametrize("mode", VIT_MODES)
def test_image_vector_is_open_clips_own(clip_encoder, clip_model, frames, standardised, mode):
    encoder = clip_encoder("vit", mode)
    x = frames(encoder)
    close(encoder.encode(x).image_embedding, clip_model("vit").encode_image(standardised(x), normalize=True))


def test_plain_map_is_open_clips_projected_tokens(clip_encoder, clip_model, frames, standardised):
    encoder = clip_encoder("vit", "plain")
    x = frames(encoder)
    close(encoder.encode(x).dense, F.normalize(last_tokens(clip_model("vit"), standardised(x)), dim=1))


@torch.no_grad()
def test_maskclip_puts_values_in_place_of_the_last_attention(clip_encoder, clip_model, frames, standardised):
    encoder, model = clip_encoder("vit", "maskclip"), clip_model("vit")
    x, last = frames(encoder), model.visual.transformer.resblocks[-1]
    width = last.attn.embed_dim

    def values(q_x, **_):
        value = q_x @ last.attn.in_proj_weight[2 * width :].T + last.attn.in_proj_bias[2 * width :]
        return last.attn.out_proj(value)

    last.attention = values
    expected = F.normalize(last_tokens(model, standardised(x)), dim=1)
    close(encoder.encode(x).dense, expected)
    assert (clip_encoder("vit", "plain").encode(x).dense - expected).abs().max() > 0.05


@torch.no_grad()
def test_vv_attention_sums_value_value_attention_beside_the_last_blocks(clip_encoder, clip_model, frames, standardised):
    encoder, model = clip_encoder("vit", "vv_attention", suffix_from="b2"), clip_model("vit")
    x = frames(encoder)
    inputs = block_inputs(model, standardised(x))
    path = inputs[2]
    for block, tokens in zip(model.visual.transformer.resblocks[2:], inputs[2:], strict=True):
        normed = block.ln_1(tokens)
        path = path + with_query_as(block.attn, "v")(normed, normed, normed)[0]
    joint = model.visual.ln_post(path) @ model.visual.proj
    close(encoder.encode(x).dense.flatten(2), F.normalize(joint[:, 1:], dim=2).transpose(1, 2))


def surgery_reference(model, pixels, depth):
    state = surgery_by_hand.numbers(model.visual)
    heads = model.visual.transformer.resblocks[0].attn.num_heads
    found = surgery_by_hand.vit_map(state, pixels.double().numpy(), patch=8, heads=heads, depth=depth)
    return torch.from_numpy(found).float()


@torch.no_grad()
@pytest.mark.parametrize("suffix_from", ["b1", "b2", "b4", None, "b7"])  # before, at and behind where the path begins
def test_clip_surgery_runs_beside_the_last_six_blocks(clip_encoder, clip_model, frames, standardised, suffix_from):
    encoder, model = clip_encoder("deep_vit", "clip_surgery", suffix_from=suffix_from), clip_model("deep_vit")
    x = frames(encoder)
    encoded = encoder.encode(x)
    close(encoded.dense, surgery_reference(model, standardised(x), depth=8))
    close(encoded.image_embedding, model.encode_image(standardised(x), normalize=True))
    again = encoder.upper_blocks()(*encoder.lower_blocks()(x))
    close(again.dense, encoded.dense)
    fewer = clip_encoder("deep_vit", "vv_attention", suffix_from="b7").encode(x).dense
    assert (encoded.dense - fewer).abs().max() > 0.05


@torch.no_grad()
def test_clip_surgery_of_a_shallow_tower_runs_beside_all_of_it(clip_encoder, clip_model, frames, standardised):
    encoder = clip_encoder("vit", "clip_surgery")
    x = frames(encoder)
    close(encoder.encode(x).dense, surgery_reference(clip_model("vit"), standardised(x), depth=4))


def test_all_blocks_beside_which_the_path_runs_are_trained(clip_encoder, frames):
    encoder = clip_encoder("deep_vit", "clip_surgery")
    front, suffix = encoder.lower_blocks(), encoder.upper_blocks()
    dense = suffix(*front(frames(encoder))).dense
    torch.einsum("bdhw,d->b", dense, torch.linspace(-1, 1, encoder.width)).sum().backward()
    for block in [*front.blocks, *suffix.blocks]:
        assert block.attn.in_proj_weight.grad.abs().sum() > 0


@torch.no_grad()
def test_naclip_is_key_key_attention_with_a_neighbour_bias_alone(clip_encoder, clip_model, frames, standardised):
    encoder, model = clip_encoder("vit", "naclip"), clip_model("vit")
    x, last = frames(encoder), model.visual.transformer.resblocks[-1]
    normed = last.ln_1(block_inputs(model, standardised(x))[-1])
    bias = neighbour_bias(4, 5.0)
    attended = with_query_as(last.attn, "k")(normed, normed, normed, attn_mask=bias)[0]
    joint = model.visual.ln_post(attended) @ model.visual.proj
    close(encoder.encode(x).dense.flatten(2), F.normalize(joint[:, 1:], dim=2).transpose(1, 2))


def test_neighbour_bias_by_hand():
    near, far = torch.exp(torch.tensor(-1 / 8.0)), torch.exp(torch.tensor(-2 / 8.0))  # distances 1 and sqrt 2, std 2
    expected = torch.tensor(
        [
            [0, 0, 0, 0, 0],
            [0, 1, near, near, far],
            [0, near, 1, far, near],
            [0, near, far, 1, near],
            [0, far, near, near, 1],
        ]
    )
    close(neighbour_bias(2, 2.0), expected, atol=1e-6)


def test_maps_are_open_clips_intermediates_without_class_token(clip_encoder, clip_model, frames, standardised):
    encoder = clip_encoder("vit", taps=["b1", "b3", "b4"])
    x = frames(encoder)
    found = encoder.encode(x).maps
    expected = clip_model("vit").visual.forward_intermediates(standardised(x), indices=[0, 2, 3])["image_intermediates"]
    assert list(found) == ["b1", "b3", "b4"]
    for map_, reference in zip(found.values(), expected, strict=True):
        close(map_, reference)


@pytest.mark.parametrize(("depth", "names"), [(12, "b3 b6 b9 b12"), (24, "b6 b12 b18 b24"), (2, "b1 b2")])
def test_default_taps_are_evenly_spaced(depth, names):
    assert evenly(depth) == names.split()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"taps": ["b5"]}, "b5"),
        ({"taps": ["s8"]}, "s8"),
        ({"suffix_from": "b4"}, "b4"),
        ({"mode": "maskclop"}, "maskclip"),
    ],
)
def test_what_the_tower_lacks_is_named(clip_encoder, changes, word):
    with pytest.raises(InputError, match=word):
        clip_encoder("vit", **changes)
