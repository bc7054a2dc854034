"""Scale-aware vision-language attention after LSMS (arXiv 2408.17347); we know its abstract only.

Y = out(W relu(sum_s gate_s * conv_s(x))), gate_s = sigmoid(G_s(t)), L = L_seg + lambda L_contrast.

Of the abstract are parallel convolutions of several kernels beside an attention to language, a decoder that sees all
scales, and a contrast of vision and language beside the loss of segmentation. All else is our choice. x is what the
head has merged out of all maps, tokens and frame, and stands for the full-scale decoder: the same pyramid as that of
the other methods, not one that joins each scale to each. t is what each place says in the words of the class texts: the
mean of the texts by softmax(cos / temperature), each times its cosine, in joint space without a projection, as only
there an exchanged text would be a wrong one. There is no path beside the gates, and so none of the head's inputs goes
round them. L_contrast draws the mean feature of the lesion's places to the text of its class, where features are
trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal, cast

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.base.section import distinct
from mcdrl.clip.encoder import unit
from mcdrl.networks import factory
from mcdrl.networks.dictionary import variant
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.losses import ContrastLoss
from mcdrl.networks.params import ContrastParams
from mcdrl.networks.segmenter import Segmenter

_GROUPS = 8  # of the normalisation, which must not mix the frames of a batch


class Params(ContrastParams):
    """Kernels, texts and L_contrast.

    Attributes:
        kernels: places along a side of each parallel convolution; our choice.
        texts: classes, the method; shuffled, its placebo: the class texts with their axes permuted, all by the same
            permutation, so that they no longer say what a frame shows.
        lambda_contrast: weight of L_contrast, 0 and more; that of `mcdrl`, as LSMS's isn't known.
        temperature: of the softmax over texts, in the attention and in L_contrast, 0.001 and more; what CLIP's own
            training starts from (arXiv 2103.00020, section 2.5).
    """

    kernels: Annotated[list[Literal[1, 3, 5, 7, 9, 11, 15, 21]], Field(min_length=1)]
    texts: Literal["classes", "shuffled"]

    _once = field_validator("kernels")(distinct)


class ScaleAware(Segmenter):
    """Convolutions of several kernels, each gated by what the class texts say of a place."""

    classes: Tensor  # [K, D] of unit norm

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts; make head, attention and loss."""
        super().__init__(spec, params, trunk, texts)
        if params.texts == "shuffled":
            texts = replace(texts, classes=variant(texts.classes, "shuffled", spec.seed))
        self.temperature, self.contrast = params.temperature, ContrastLoss(params, texts)
        self.register_buffer("classes", texts.classes, persistent=False)
        with factory.seeded(spec.seed, "scales"):
            self.attention = GatedScales(self.head.channels, spec.width, kernels=params.kernels)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        merged = self.head.merged(encoded.maps, encoded.dense, batch.frame)
        gated = self.attention(merged, in_words(encoded.dense, self.classes, temperature=self.temperature))
        named = lesion_feature(encoded.dense, batch) if self.training and self.trunk.trains_image else None
        return Output(self.head.answer(gated, batch.frame.shape[-2:]), image_embedding=named, encoded=encoded)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg, and L_contrast where it has something to act on."""
        return {**super().losses(batch, output), **self.contrast(batch, output)}


class GatedScales(nn.Module):
    """Depthwise convolutions of several kernels, each channel of each place gated by words."""

    def __init__(self, channels: int, words: int, *, kernels: Sequence[int]) -> None:
        """Make it for features of `channels` and words of D = `words`."""
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Conv2d(channels, channels, side, padding=side // 2, groups=channels, bias=False) for side in kernels
        )
        self.gates = nn.ModuleList(nn.Conv2d(words, channels, 1) for _ in kernels)
        self.norm, self.mix = nn.GroupNorm(_GROUPS, channels), nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        """Return [B, channels, h, w] for features of that shape and words [B, D, H, W]."""
        size = features.shape[-2:]
        parts = [
            F.interpolate(gate(words), size, mode="bilinear", align_corners=False).sigmoid() * scale(features)
            for scale, gate in zip(self.scales, self.gates, strict=True)
        ]
        return cast(Tensor, self.mix(F.relu(self.norm(torch.stack(parts).sum(0)))))


def in_words(dense: Tensor, classes: Tensor, *, temperature: float) -> Tensor:
    """Return what each place says in the words of the texts, [B, D, H, W]: sum_k softmax(cos / temperature) cos e_k.

    Args:
        dense: [B, D, H, W] of unit norm.
        classes: [K, D] of unit norm, e_k.
        temperature: above 0.
    """
    cosines = torch.einsum("bdhw,kd->bkhw", dense, classes.to(dense.dtype))
    weights = (cosines / temperature).softmax(1) * cosines
    words: Tensor = torch.einsum("bkhw,kd->bdhw", weights, classes.to(dense.dtype))
    scale: float = dense.shape[1] ** 0.5  # for entries of unit size
    return words * scale


def lesion_feature(dense: Tensor, batch: Batch) -> Tensor:
    """Return the mean feature of the places by how much lesion they show, [B, D] of unit norm; zero without any."""
    height, width = dense.shape[-2:]
    lesion = F.adaptive_avg_pool2d(batch.lesion.unsqueeze(1).to(dense.dtype), (height, width))
    return unit((dense * lesion).sum((2, 3)), 1)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return ScaleAware(spec, params, trunk, texts)
