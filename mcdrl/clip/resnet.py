"""CLIP's ResNet as an encoder (arXiv 2508.05008: RN50)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mcdrl.base.attention_heads import split_heads
from mcdrl.clip.dense import RESNET_MODES, attend, unit_values
from mcdrl.clip.encoder import Encoded, UpperBlocks, keep_statistics, unit
from mcdrl.clip.frozen import ClipLowerBlocks, FrozenClip, Setup, choose

_STEM = ("conv1", "bn1", "act1", "conv2", "bn2", "act2", "conv3", "bn3", "act3", "avgpool")
STAGES = {"s4": "layer1", "s8": "layer2", "s16": "layer3", "s32": "layer4"}


class ResNetUpperBlocks(UpperBlocks):
    """The last stages of the tower and the attention pool.

    Prefix: [B, C, h, w] float, the map that they start after.

    Batch normalisation keeps the statistics of CLIP's own training in training mode, too: those of a small batch of
    frames from few sites would overwrite them.
    """

    def __init__(self, visual: Any, *, start: str, taps: Sequence[str], mode: str) -> None:
        """Take the stages after `start` and the pool of an open_clip ModifiedResNet, as they are."""
        super().__init__()
        later = list(STAGES)[list(STAGES).index(start) + 1 :]
        self.stages = nn.ModuleDict({tap: getattr(visual, STAGES[tap]) for tap in later})
        self.pool = visual.attnpool
        self.taps, self.mode = tuple(taps), mode
        self.made = set(later)

    def forward(self, prefix: Tensor, maps: Mapping[str, Tensor]) -> Encoded:
        """Encode again from the prefix on; see `UpperBlocks`."""
        x, found = prefix, dict(maps)
        for tap, stage in self.stages.items():
            x = found[tap] = stage(x)
        image, dense = pool_densely(self.pool, x, self.mode)
        return Encoded(
            dense=unit(dense.float(), dim=1),
            image_embedding=unit(image.float(), dim=1),
            maps={tap: found[tap] for tap in self.taps},
            prefix=prefix,
        )

    def train(self, mode: bool = True) -> ResNetUpperBlocks:
        """Set training mode for all but batch normalisation."""
        super().train(mode)
        keep_statistics(self)
        return self


class ResNetLowerBlocks(ClipLowerBlocks):
    """The stem and the stages before the upper ones; batch normalisation as in `ResNetUpperBlocks`."""

    def __init__(self, visual: Any, *, start: str, taps: Sequence[str], setup: Setup) -> None:
        """Take the stem and the stages up to `start` of an open_clip ModifiedResNet, as they are."""
        super().__init__(setup)
        self.stem = nn.Sequential(OrderedDict((name, getattr(visual, name)) for name in _STEM))
        until = list(STAGES)[: list(STAGES).index(start) + 1]
        self.stages = nn.ModuleDict({tap: getattr(visual, STAGES[tap]) for tap in until})
        self.taps = tuple(taps)

    def prefix(self, pixels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the map before the upper blocks, [B, C, h, w], and the maps up to there."""
        x, maps = self.stem(pixels), {}
        for tap, stage in self.stages.items():
            x = stage(x)
            if tap in self.taps:
                maps[tap] = x
        return x, maps

    def train(self, mode: bool = True) -> ResNetLowerBlocks:
        """Set training mode for all but batch normalisation."""
        super().train(mode)
        keep_statistics(self)
        return self


class ResNetEncoder(FrozenClip):
    """A frozen CLIP model with a ResNet. Maps: the outputs of its four stages, s4 to s32."""

    def __init__(self, model: Any, setup: Setup) -> None:
        """Wrap an `open_clip.CLIP`.

        Raises:
            InputError: a tap, the suffix start or the dense mode doesn't exist here.
        """
        names = list(STAGES)
        taps = [choose("taps", tap, names) for tap in setup.taps or names]
        start = choose("suffix_from", setup.suffix_from or "s8", names[:-1])
        mode = choose("dense", setup.dense_mode, RESNET_MODES)
        lower = ResNetLowerBlocks(model.visual, start=start, taps=taps, setup=setup)
        upper = ResNetUpperBlocks(model.visual, start=start, taps=taps, mode=mode)
        super().__init__(model, lower, upper, replace(setup, taps=taps, suffix_from=start))


def pool_densely(pool: Any, x: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """Return the pooled image and the dense map of an open_clip AttentionPool2d, before normalisation.

    Modes: `plain` lets every place ask like the mean token does; `maskclip` passes each place's own value on, so that
    value and output projection act as 1x1 convolutions; `vv_attention` attends value to value; `clip_surgery` does so
    by cosines, eightfold.

    Args:
        pool: the attention pool, heads and width D.
        x: [B, C, H, W] float, the last stage's map.
        mode: one of `RESNET_MODES`.

    Returns:
        [B, D] and [B, D, H, W] float.
    """
    patches = x.flatten(2).transpose(1, 2)  # [B, HW, C]
    tokens = torch.cat([patches.mean(dim=1, keepdim=True), patches], dim=1)
    tokens = tokens + pool.positional_embedding.to(tokens.dtype)
    query, key, value = (
        split_heads(layer(tokens), pool.num_heads) for layer in (pool.q_proj, pool.k_proj, pool.v_proj)
    )
    pooled = pool.c_proj(attend(query, key, value))  # [B, 1+HW, D]
    dense = pooled[:, 1:]
    if mode == "maskclip":
        dense = pool.c_proj(pool.v_proj(patches))
    if mode == "vv_attention":
        dense = pool.c_proj(attend(value, value, value))[:, 1:]
    if mode == "clip_surgery":
        dense = pool.c_proj(unit_values(value))[:, 1:]
    return pooled[:, 0], dense.transpose(1, 2).reshape(len(x), -1, *x.shape[2:])
