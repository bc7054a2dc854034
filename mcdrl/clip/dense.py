"""How the last blocks of a CLIP vision transformer are read densely.

A transformer's patch tokens are trained only as food for the class token; read `plain` they say little of their own
place. The other modes drop or replace the last query-key attention:

- maskclip (arXiv 2112.01071): a token's own value goes through the output projection, the block is else unchanged;
- vv_attention: value-value attention on a path beside the blocks, without their feed-forward parts: one half of CLIP
  Surgery (arXiv 2304.05653), on as many blocks as the trainable suffix has (three of ViT-B/16's twelve, where the paper
  changes six); its other half, feature surgery, is not here;
- naclip (arXiv 2404.08181): key-key attention that favours neighbours, without residual and feed-forward part; how far
  a neighbour reaches is the paper's, for a mode of that name with another reach would be another mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

VIT_MODES = ("plain", "maskclip", "vv_attention", "naclip")
RESNET_MODES = ("plain", "maskclip", "vv_attention")
_NEIGHBOUR_STD = 5.0  # grid steps, as in NACLIP


def dense_tokens(mode: str, blocks: Sequence[Any], inputs: Sequence[Tensor], output: Tensor) -> Tensor:
    """Return the tokens that the final norm and projection turn into dense features.

    Args:
        mode: one of `VIT_MODES`.
        blocks: open_clip's residual attention blocks, the last ones of the tower.
        inputs: [B, 1+HW, C] for each block, what goes into it.
        output: [B, 1+HW, C], what comes out of the last one.

    Returns:
        [B, 1+HW, C] float, the class token first.
    """
    if mode == "maskclip":
        return value_block(blocks[-1], inputs[-1])
    if mode == "vv_attention":
        return value_value_path(blocks, inputs)
    if mode == "naclip":
        return neighbour_attention(blocks[-1], inputs[-1])
    return output


def value_block(block: Any, tokens: Tensor) -> Tensor:
    """Return a block's output with the attention replaced by each token's own value, [B, L, C]."""
    _, _, value = _project(block, tokens)
    tokens = tokens + block.ls_1(block.attn.out_proj(join_heads(value)))
    out: Tensor = tokens + block.ls_2(block.mlp(block.ln_2(tokens)))
    return out


def value_value_path(blocks: Sequence[Any], inputs: Sequence[Tensor]) -> Tensor:
    """Return the first input plus every block's value-value attention, [B, L, C].

    The attentions read the undisturbed inputs of their blocks; only their sum runs beside.
    """
    path = inputs[0]
    for block, tokens in zip(blocks, inputs, strict=True):
        _, _, value = _project(block, tokens)
        path = path + block.ls_1(block.attn.out_proj(attend(value, value, value)))
    return path


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


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[B, L, C] -> [B, heads, L, C / heads]."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """[B, heads, L, C / heads] -> [B, L, C]."""
    return x.transpose(1, 2).flatten(2)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return softmax(q k^T / sqrt(C / heads) + bias) v with the heads joined again, [B, L, C]."""
    return join_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=bias))


def _project(block: Any, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    attention = block.attn
    joined = F.linear(block.ln_1(tokens), attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = (split_heads(part, attention.num_heads) for part in joined.chunk(3, dim=2))
    return query, key, value
