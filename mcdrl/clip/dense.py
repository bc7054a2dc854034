"""How the last blocks of a CLIP vision transformer are read densely.

A transformer's patch tokens are trained only as food for the class token; read `plain` they say little of their own
place. The other modes drop or replace the last query-key attention:

- maskclip (arXiv 2112.01071): a token's own value goes through the output projection, the block is else unchanged;
- vv_attention: value-value attention on a path beside the blocks of the trainable suffix (three of ViT-B/16's twelve),
  without their feed-forward parts; the blocks themselves are unchanged;
- clip_surgery (arXiv 2304.05653): the same path beside the last six blocks, wherever the suffix starts; of a ResNet,
  whose pool attends once, the values that are compared have unit length and the scale of the attention is eightfold.
  The paper's other half, feature surgery, belongs to the comparison with texts: `mine_regions.similarity`;
- naclip (arXiv 2404.08181): key-key attention that favours neighbours, without residual and feed-forward part; how far
  a neighbour reaches is the paper's, for a mode of that name with another reach would be another mode.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.attention_heads import join_heads, split_heads

VIT_MODES = ("plain", "maskclip", "vv_attention", "clip_surgery", "naclip")
RESNET_MODES = ("plain", "maskclip", "vv_attention", "clip_surgery")
_SURGERY_BLOCKS = 6
_SURGERY_SCALE = 8.0
_NEIGHBOUR_STD = 5.0  # grid steps, as in NACLIP


def path_start(mode: str, depth: int, start: int) -> int:
    """Return after how many of a tower's blocks the path beside them begins; `depth` in modes that have none.

    Args:
        mode: one of `VIT_MODES`.
        depth: blocks of the tower.
        start: after how many of them the trainable suffix starts.
    """
    return {"vv_attention": start, "clip_surgery": max(0, depth - _SURGERY_BLOCKS)}.get(mode, depth)


def dense_tokens(mode: str, block: Any, tokens: Tensor, output: Tensor, path: Tensor) -> Tensor:
    """Return the tokens that the final norm and projection turn into dense features.

    Args:
        mode: one of `VIT_MODES`.
        block: open_clip's residual attention block, the last one of the tower.
        tokens: [B, 1+HW, C], what goes into it.
        output: [B, 1+HW, C], what comes out of it.
        path: [B, 1+HW, C], what has run beside the blocks; see `run_block`.

    Returns:
        [B, 1+HW, C] float, the class token first.
    """
    if mode == "maskclip":
        return value_block(block, tokens)
    if mode == "naclip":
        return neighbour_attention(block, tokens)
    return path if mode in ("vv_attention", "clip_surgery") else output


def run_block(block: Any, tokens: Tensor, path: Tensor, *, beside: bool) -> tuple[Tensor, Tensor]:
    """Return a block's output and the path beside it, both [B, L, C].

    The path starts as the tokens and takes up each block's value-value attention, without a feed-forward part. That
    attention reads the undisturbed tokens, so that what is said of the frame as a whole stays CLIP's own.

    Args:
        block: open_clip's residual attention block.
        tokens: [B, L, C], what goes into it.
        path: [B, L, C], the tokens themselves where it hasn't begun.
        beside: whether it runs beside this block.
    """
    output: Tensor = block(tokens)
    return output, path + value_value(block, tokens) if beside else output


def value_block(block: Any, tokens: Tensor) -> Tensor:
    """Return a block's output with the attention replaced by each token's own value, [B, L, C]."""
    _, _, value = _project(block, tokens)
    tokens = tokens + block.ls_1(block.attn.out_proj(join_heads(value)))
    out: Tensor = tokens + block.ls_2(block.mlp(block.ln_2(tokens)))
    return out


def value_value(block: Any, tokens: Tensor) -> Tensor:
    """Return a block's attention alone, of values to values, [B, L, C]."""
    _, _, value = _project(block, tokens)
    attended: Tensor = block.ls_1(block.attn.out_proj(attend(value, value, value)))
    return attended


def unit_values(value: Tensor) -> Tensor:
    """Return CLIP Surgery's attention of a ResNet's pool, [B, heads, L, C / heads] -> [B, L, C].

    Values are compared by their cosines, and softmax takes these by 8 / sqrt(C / heads).
    """
    compared = F.normalize(value, dim=-1, eps=1e-6)
    return attend(compared * _SURGERY_SCALE, compared, value)


def neighbour_attention(block: Any, tokens: Tensor) -> Tensor:
    """Return key-key attention with a Gaussian bias towards near places, alone, [B, 1+HW, C]."""
    _, key, value = _project(block, tokens)
    side = round((tokens.shape[1] - 1) ** 0.5)
    bias = neighbour_bias(side, _NEIGHBOUR_STD).to(value)
    attended: Tensor = block.attn.out_proj(attend(key, key, value, bias))
    return attended


def neighbour_bias(side: int, std: float) -> Tensor:
    """Return exp(-d^2 / (2 std^2)) for the distance d between any two places, [1+HW, 1+HW] float32.

    The class token, first in both axes, has no place: its row and column are zero.
    """
    line = torch.arange(side, dtype=torch.float32)
    positions = torch.cartesian_prod(line, line)  # [HW, 2]
    gauss = torch.exp(-torch.cdist(positions, positions).square() / (2 * std**2))
    return F.pad(gauss, (1, 0, 1, 0))


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return softmax(q k^T / sqrt(C / heads) + bias) v with the heads joined again, [B, L, C]."""
    return join_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=bias))


def _project(block: Any, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    attention = block.attn
    joined = F.linear(block.ln_1(tokens), attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = (split_heads(part, attention.num_heads) for part in joined.chunk(3, dim=2))
    return query, key, value
