"""CLIP Surgery (arXiv 2304.05653) in numpy, head by head, from its formulas: the slow reference."""

import numpy as np

_BLOCKS, _SCALE = 6, 8


def vit_map(state, pixels, *, patch, heads, depth):
    """The dense map of a ViT, [B, D, H, W] of unit norm, of standardised pixels [B, 3, S, S]."""
    side = pixels.shape[2] // patch
    x = _embedded(state, pixels, patch, side)
    beside = None
    for number in range(depth):
        block = _below(state, f"transformer.resblocks.{number}.")
        normed = _norm(x, block["ln_1.weight"], block["ln_1.bias"])
        query, key, value = np.split(normed @ block["attn.in_proj_weight"].T + block["attn.in_proj_bias"], 3, axis=2)
        if number >= depth - _BLOCKS:
            beside = x if beside is None else beside
            beside = beside + _out(block, _attention(value, value, value, heads))
        x = x + _out(block, _attention(query, key, value, heads))
        normed = _norm(x, block["ln_2.weight"], block["ln_2.bias"])
        hidden = normed @ block["mlp.c_fc.weight"].T + block["mlp.c_fc.bias"]
        x = x + (hidden / (1 + np.exp(-1.702 * hidden))) @ block["mlp.c_proj.weight"].T + block["mlp.c_proj.bias"]
    joint = _norm(beside, state["ln_post.weight"], state["ln_post.bias"]) @ state["proj"]
    return _as_map(joint[:, 1:], side)


def pool_map(state, grid, *, heads):
    """The dense map of a ResNet's attention pool, [B, D, H, W] of unit norm, of its last map [B, C, H, W]."""
    places = grid.reshape(*grid.shape[:2], -1).transpose(0, 2, 1)
    tokens = np.concatenate([places.mean(1, keepdims=True), places], 1) + state["positional_embedding"]
    value = tokens @ state["v_proj.weight"].T + state["v_proj.bias"]
    parts = np.split(value, heads, axis=2)
    compared = np.concatenate([part / np.linalg.norm(part, axis=2, keepdims=True) for part in parts], 2)
    joint = _attention(compared, compared, value, heads, _SCALE) @ state["c_proj.weight"].T + state["c_proj.bias"]
    return _as_map(joint[:, 1:], grid.shape[2])


def numbers(module):
    """A module's weights in double precision."""
    return {name: value.double().numpy() for name, value in module.state_dict().items()}


def _embedded(state, pixels, patch, side):
    cut = pixels.reshape(len(pixels), 3, side, patch, side, patch)
    patches = np.einsum("bchiwj,ocij->bhwo", cut, state["conv1.weight"]).reshape(len(pixels), side * side, -1)
    first = np.broadcast_to(state["class_embedding"], (len(pixels), 1, patches.shape[2]))
    x = np.concatenate([first, patches], 1) + state["positional_embedding"]
    return _norm(x, state["ln_pre.weight"], state["ln_pre.bias"])


def _attention(query, key, value, heads, scale=1):
    done = []
    for q, k, v in zip(*(np.split(part, heads, axis=2) for part in (query, key, value)), strict=True):
        score = np.exp(scale * q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[2]))
        done.append(score / score.sum(2, keepdims=True) @ v)
    return np.concatenate(done, 2)


def _norm(x, weight, bias):
    return (x - x.mean(2, keepdims=True)) / np.sqrt(x.var(2, keepdims=True) + 1e-5) * weight + bias


def _out(block, attended):
    return attended @ block["attn.out_proj.weight"].T + block["attn.out_proj.bias"]


def _below(state, start):
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}


def _as_map(joint, side):
    unit = joint / np.linalg.norm(joint, axis=2, keepdims=True)
    return unit.transpose(0, 2, 1).reshape(len(joint), -1, side, side)
