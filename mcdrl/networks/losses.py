"""What losses are composed of: L = L_seg + lambda_1 L_causal + lambda_2 L_contrast (section 3.4 of the paper).

A method's `losses` names its terms; what only one method has is in its own file.

Each is a mean over all B frames of the batch, frames and pixels that a term doesn't concern counting zero: so the mean
over equal parts of a batch is the value for the whole, whatever number of processes share it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.base.device import in_float32
from mcdrl.clip.encoder import unit
from mcdrl.networks.interface import Batch, Output, Texts
from mcdrl.networks.params import CONTROLS, ContrastParams, InterventionParams

_HALF_WINDOW = 15 / 352  # of a frame's side, around a pixel
_NONE_JUDGED = 1e-6  # share of a window: no pixel is as small


def segmentation(logits: Tensor, mask: Tensor, *, dice_weight: float, boundary_weight: float = 0.0) -> Tensor:
    """Return L_seg: pixel cross-entropy, plus a soft Dice term that the paper doesn't have if its weight isn't zero.

    Args:
        logits: [B, 2, S, S] float.
        mask: [B, S, S] long, 0 or 1; 255 where nothing counts.
        dice_weight: weight of the Dice term.
        boundary_weight: how much more pixels at outlines weigh, in both terms, see `boundary_weights`; 0: all weigh 1.
    """
    weights = boundary_weights(mask, boundary_weight) if boundary_weight else None
    entropy = _entropy(logits, mask, weights)
    if dice_weight == 0:
        return entropy
    return entropy + dice_weight * soft_dice(logits, mask, weights)


def _entropy(logits: Tensor, mask: Tensor, weights: Tensor | None) -> Tensor:
    truth = torch.stack([mask == 0, mask == 1], 1).to(logits.dtype)  # shares: the kernel of indices isn't deterministic
    if weights is None:
        return F.cross_entropy(logits, truth)
    entropy = F.cross_entropy(logits, truth, reduction="none")
    return ((weights * entropy).sum((1, 2)) / weights.sum((1, 2))).mean()


def soft_dice(logits: Tensor, mask: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean over frames of 1 - (2 sum w p y + 1) / (sum w p + sum w y + 1), p the probability of lesion.

    The sums are over the pixels whose mask is 0 or 1, as in `segmentation`; w are the pixels' weights, [B, S, S], or 1.
    """
    lesion = (logits[:, 1] - logits[:, 0]).sigmoid().flatten(1)
    lesion = lesion * (mask.flatten(1) <= 1)
    truth = (mask.flatten(1) == 1).to(lesion.dtype)
    weighed = (part if weights is None else part * weights.flatten(1) for part in (lesion * truth, lesion, truth))
    overlap, said, there = (part.sum(1) for part in weighed)
    return (1 - (2 * overlap + 1) / (said + there + 1)).mean()


def boundary_weights(mask: Tensor, weight: float) -> Tensor:
    """Return what each pixel weighs, [B, S, S] float32: 1 + weight * |mean of the mask around it - the mask|.

    As PraNet (arXiv 2006.11392) has it of F3Net (arXiv 1911.11445), both with a weight of 5: the formula, whose mean
    is over what lies in the frame. What is around is a square of 31 pixels of 352 a side, less what nobody judged.

    Args:
        mask: [B, S, S] long, 0 or 1; 255 where nothing counts, which weighs 1.
        weight: of the difference.
    """
    lesion, judged = (mask == 1).float(), (mask <= 1).float()
    half = max(1, round(_HALF_WINDOW * int(mask.shape[-1])))
    rows = F.avg_pool2d(torch.stack([lesion, judged], 1), (2 * half + 1, 1), 1, (half, 0))  # quicker than a square
    around = F.avg_pool2d(rows, (1, 2 * half + 1), 1, (0, half))
    mean = around[:, 0] / around[:, 1].clamp(min=_NONE_JUDGED)
    return 1 + weight * (mean - lesion).abs() * judged


def causal(pooled: Tensor, targets: Tensor, lesion_class: Tensor) -> Tensor:
    """Return L_causal = || Pool(F_ca) - (1/M) sum_m t_(k,m) ||^2 of frames whose class k is known.

    Args:
        pooled: [B, D] float, Pool(F_ca).
        targets: [K, D] float, the mean of t_(k,m) over m.
        lesion_class: [B] long, k, or -1.
    """
    known = lesion_class >= 0
    squared = (pooled.float() - targets[lesion_class.clamp(min=0)]).square().sum(1)
    return (squared * known).mean()


def contrast(image_embedding: Tensor, classes: Tensor, lesion_class: Tensor, *, temperature: float) -> Tensor:
    """Return L_contrast: cross-entropy of the image feature's cosines to the class texts, where the class is known.

    Args:
        image_embedding: [B, D] float, the image feature.
        classes: [K, D] float of unit norm, e_k.
        lesion_class: [B] long, the frame's class, or -1.
        temperature: of the softmax; the paper has 0.5.
    """
    with in_float32(image_embedding.device):
        cosines = unit(image_embedding.float(), 1) @ classes.t()
    per_frame = F.cross_entropy(cosines / temperature, lesion_class, ignore_index=-1, reduction="none")
    return per_frame.mean()


class CausalLoss(nn.Module):
    """lambda_1 L_causal as a term of a method's loss; none where its weight is zero or nothing was intervened on.

    None either where the dictionary is a control (random, shuffled, zero): the targets are texts, and would tell the
    network by the loss what the control withholds.
    """

    targets: Tensor

    def __init__(self, params: InterventionParams, texts: Texts) -> None:
        """Take the weight and the texts that the term pulls towards."""
        super().__init__()
        self.weight = 0.0 if params.dictionary in CONTROLS else params.lambda_causal
        self.register_buffer("targets", texts.class_confounders.mean(1), persistent=False)

    def forward(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted term by its name, or nothing."""
        if output.causal is None or not self.weight:
            return {}
        return {"causal": self.weight * causal(output.causal, self.targets, batch.lesion_class)}


class ContrastLoss(nn.Module):
    """lambda_2 L_contrast as a term of a method's loss; none where its weight is zero or no feature is trained."""

    classes: Tensor

    def __init__(self, params: ContrastParams, texts: Texts) -> None:
        """Take the weight and the class texts."""
        super().__init__()
        self.weight, self.temperature = params.lambda_contrast, params.temperature
        self.register_buffer("classes", texts.classes, persistent=False)

    def forward(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted term by its name, or nothing."""
        if output.image_embedding is None or not self.weight:
            return {}
        named = contrast(
            output.image_embedding, self.classes, batch.lesion_class, temperature=self.temperature
        )  # fmt: skip
        return {"contrast": self.weight * named}
