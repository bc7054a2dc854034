"""CLIP's vision transformer as an encoder (arXiv 2508.05008, section on the visual encoder: ViT-B/16, ViT-L/14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mcdrl.clip.dense import VIT_MODES, dense_tokens, path_start, run_block
from mcdrl.clip.encoder import Encoded, UpperBlocks, unit
from mcdrl.clip.frozen import ClipLowerBlocks, FrozenClip, Setup, choose


class VitUpperBlocks(UpperBlocks):
    """The last blocks of the tower, the final norm and the projection to joint space.

    Prefix: [B, 1+HW, C] float, the tokens before the first of these blocks, the class token first; [B, 1+HW, 2C] where
    the path of the dense mode has begun by then, which stands behind them.
    """

    def __init__(self, visual: Any, *, start: int, taps: Sequence[str], mode: str) -> None:
        """Take the blocks after the first `start` ones of an open_clip VisionTransformer, as they are."""
        super().__init__()
        depth = len(visual.transformer.resblocks)
        self.blocks = nn.ModuleList(list(visual.transformer.resblocks)[start:])
        self.ln_post, self.proj = visual.ln_post, visual.proj
        self.start, self.taps, self.mode = start, tuple(taps), mode
        self.path_start = path_start(mode, depth, start)
        self.made = {f"b{number}" for number, _ in enumerate(self.blocks, start + 1)}

    def forward(self, prefix: Tensor, maps: Mapping[str, Tensor]) -> Encoded:
        """Encode again from the prefix on; see `UpperBlocks`."""
        tokens, path = prefix.chunk(2, dim=2) if self.path_start < self.start else (prefix, prefix)
        before, found = tokens, dict(maps)
        for number, block in enumerate(self.blocks, self.start + 1):
            before = tokens
            tokens, path = run_block(block, tokens, path, beside=number > self.path_start)
            if f"b{number}" in self.taps:
                found[f"b{number}"] = to_grid(tokens)
        dense = dense_tokens(self.mode, self.blocks[-1], before, tokens, path)
        return Encoded(
            dense=unit(to_grid(self.project(dense)), dim=1),
            image_embedding=unit(self.project(tokens[:, :1])[:, 0], dim=1),
            maps={tap: found[tap] for tap in self.taps},
            prefix=prefix,
        )

    def project(self, tokens: Tensor) -> Tensor:
        """Norm and project tokens to joint space, [B, L, C] -> [B, L, D] float32."""
        joint: Tensor = self.ln_post(tokens) @ self.proj
        return joint.float()


class VitLowerBlocks(ClipLowerBlocks):
    """Patches, positions and the blocks before the upper ones."""

    def __init__(self, visual: Any, *, start: int, taps: Sequence[str], setup: Setup) -> None:
        """Take what comes before block `start` of an open_clip VisionTransformer, as it is."""
        super().__init__(setup)
        self.path_start = path_start(setup.dense_mode, len(visual.transformer.resblocks), start)
        self.conv1, self.ln_pre = visual.conv1, visual.ln_pre
        self.class_embedding, self.positional_embedding = visual.class_embedding, visual.positional_embedding
        self.blocks = nn.ModuleList(list(visual.transformer.resblocks)[:start])
        self.taps = tuple(taps)

    def prefix(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the upper blocks start from, see `VitUpperBlocks`, and the maps up to there."""
        tokens, maps = embed(self, pixels), {}
        path = tokens
        for number, block in enumerate(self.blocks, 1):
            tokens, path = run_block(block, tokens, path, beside=number > self.path_start)
            if f"b{number}" in self.taps:
                maps[f"b{number}"] = to_grid(tokens)
        return torch.cat([tokens, path], dim=2) if self.path_start < len(self.blocks) else tokens, maps


class VitEncoder(FrozenClip):
    """A frozen CLIP model with a vision transformer.

    Maps: the tokens after the blocks named b1, b2, ..., [B, C, H, W], all of the same grid.
    """

    def __init__(self, model: Any, setup: Setup) -> None:
        """Wrap an `open_clip.CLIP`.

        Raises:
            InputError: a tap, the suffix start or the dense mode doesn't exist here.
        """
        depth = len(model.visual.transformer.resblocks)
        names = [f"b{number}" for number in range(1, depth + 1)]
        taps = [choose("taps", tap, names) for tap in setup.taps or evenly(depth)]
        before = names[:-1]  # the upper part keeps at least one block: dense modes change the last one
        last = choose("suffix_from", setup.suffix_from or f"b{depth * 3 // 4}", before)
        start = int(last[1:])
        mode = choose("dense", setup.dense_mode, VIT_MODES)
        lower = VitLowerBlocks(model.visual, start=start, taps=taps, setup=setup)
        upper = VitUpperBlocks(model.visual, start=start, taps=taps, mode=mode)
        super().__init__(model, lower, upper, replace(setup, taps=taps, suffix_from=last))
        if upper.path_start < start:  # then the path stands behind the tokens, and no map is all of the prefix
            self.prefix_tap = None


def evenly(depth: int) -> list[str]:
    """Return the names of four evenly spaced blocks (fewer in a shallower tower), the last one among them."""
    return [f"b{number}" for number in sorted({max(1, round(depth * part / 4)) for part in (1, 2, 3, 4)})]


def embed(visual: Any, pixels: Tensor) -> Tensor:
    """Return the tokens that enter an open_clip VisionTransformer's first block, [B, 1+HW, C]."""
    patches = visual.conv1(pixels).flatten(2).transpose(1, 2)  # [B, HW, C]
    first = visual.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
    tokens = torch.cat([first, patches], dim=1) + visual.positional_embedding.to(patches.dtype)
    out: Tensor = visual.ln_pre(tokens)
    return out


def to_grid(tokens: Tensor) -> Tensor:
    """Lay the tokens without the class token out as a map, [B, 1+HW, C] -> [B, C, H, W]."""
    side = round((tokens.shape[1] - 1) ** 0.5)
    return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, side, side)
