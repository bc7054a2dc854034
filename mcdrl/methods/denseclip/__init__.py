"""Dense text-guided segmentation after DenseCLIP (arXiv 2112.01518): s = cos(F, t'), t' = t + gamma * C(t, F).

C is a small transformer decoder in which the texts attend to what the frame shows, whole and place by place (section
3.2, the prompt after the model), and gamma, a number a channel, starts near zero, so that training sets out from the
texts as they are. The score map s, a channel a text, joins the coarsest intermediate map before the head, and
L = L_seg + lambda L_score, L_score the cross-entropy of softmax(s / tau).

The equations, tau, gamma and the decoder are the paper's and those of its public code. What differs: prompts are cached
here, so that no learned context goes through the text encoder; classes are one network's answer to lesion or not, and
so L_score asks of a lesion's pixel for any class that its mask has; background, which ADE20K has names for, is a text
only where the study has a phrase (`build_confounders.background`), else a direction drawn once, and it is trained; the
head is this project's pyramid, which normalises a place over its channels, so that s / tau joins instead of s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.base.section import Most, Section, Weight
from mcdrl.clip.encoder import Encoded, unit
from mcdrl.methods.denseclip.scores import ContextDecoder, score_entropy, scores
from mcdrl.networks import factory
from mcdrl.networks.dictionary import variant
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.params import Heads
from mcdrl.networks.segmenter import Segmenter


class Params(Section):
    """Texts, their decoder and the score map.

    Attributes:
        texts: classes, the method; shuffled, its placebo: all texts with their axes permuted, by the same permutation,
            so that they no longer say what a frame shows.
        depth: layers of the decoder in which texts attend to the frame; three are DenseCLIP's for CLIP's ResNet-50.
        heads: attention heads of a layer, a divisor of `train.head_width`; four are DenseCLIP's.
        gamma: how much of what the decoder says is added to a text at first; DenseCLIP's 0.0001 (section 3.2).
        temperature: tau, by which the score map is divided, 0.001 and more; DenseCLIP's 0.07 (section 3.3).
        lambda_score: weight of L_score, 0 and more; 0.4 is that of DenseCLIP's code.
    """

    texts: Literal["classes", "shuffled"]
    depth: Annotated[int, Field(ge=1), Most(64, "more layers fit into no memory")]
    heads: Heads
    gamma: Annotated[float, Field(ge=0), Most(1, "the texts would be drowned before anything is learned")]
    temperature: Annotated[float, Field(ge=0.001), Most(1000, "all texts would score the same")]
    lambda_score: Weight


@dataclass(frozen=True)
class Scored(Output):
    """What the texts themselves say.

    Attributes:
        scores: [B, 1 + K, S, S] float, s / tau of background and the classes; None at prediction.
    """

    scores: Tensor | None = None


class DenseClip(Segmenter):
    """A head that sees how well each place fits each text."""

    classes: Tensor  # [K, D] of unit norm

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts; make head and decoder.

        Raises:
            ValueError: the heads don't divide the decoder's width.
        """
        if spec.head_width % params.heads:
            raise ValueError(f"{params.heads} heads of denseclip don't divide train.head_width {spec.head_width}")
        joins = list(spec.map_channels)[-1]  # the coarsest map
        joined = spec.map_channels[joins] + 1 + len(texts.classes)
        super().__init__(replace(spec, map_channels={**spec.map_channels, joins: joined}), params, trunk, texts)
        self.joins, self.temperature, self.lambda_score = joins, params.temperature, params.lambda_score
        with factory.seeded(spec.seed, "denseclip"):
            drawn = torch.randn(spec.width, device=texts.classes.device)
            self.context = ContextDecoder(
                spec.width, spec.head_width, depth=params.depth, heads=params.heads, dropout=spec.dropout
            )
        background = unit(drawn, 0) if texts.background is None else texts.background
        named = torch.cat([background[None], texts.classes])
        named = variant(named, "text" if params.texts == "classes" else "shuffled", spec.seed)
        self.background = nn.Parameter(named[0])
        self.register_buffer("classes", named[1:], persistent=False)
        self.gamma = nn.Parameter(torch.full((spec.width,), params.gamma))

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        found = scores(encoded.dense, self.refined(encoded)) / self.temperature
        coarsest = encoded.maps[self.joins]
        joined = torch.cat([coarsest, _resized(found, coarsest.shape[-2:])], 1)
        logits = self.head({**encoded.maps, self.joins: joined}, encoded.dense, batch.frame)
        if not self.training:
            return Output(logits, encoded=encoded)
        return Scored(logits, encoded=encoded, scores=_resized(found.float(), batch.frame.shape[-2:]))

    def refined(self, encoded: Encoded) -> Tensor:
        """Return t' = t + gamma * C(t, F) of background and the classes, [B, 1 + K, D]."""
        texts = torch.cat([self.background[None], self.classes]).expand(encoded.dense.shape[0], -1, -1)
        added: Tensor = self.context(texts, encoded.image_embedding, encoded.dense)
        return texts + self.gamma * added

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg, and L_score in training."""
        losses = super().losses(batch, output)
        if isinstance(output, Scored) and output.scores is not None and self.lambda_score:
            losses["score"] = self.lambda_score * score_entropy(output.scores, batch)
        return losses


def _resized(grid: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(grid, size=size, mode="bilinear", align_corners=False)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return DenseClip(spec, params, trunk, texts)
