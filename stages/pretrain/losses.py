"""The losses that `pretrain.objective` and `pretrain.distillation` choose among, of vectors alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.clip.encoder import unit
from stages.pretrain.phrases import DENSE_CONCEPTS

_SHARPNESS, _SMOOTHNESS = 0.5, 1.0  # ours; the abstract names both terms without a weight


def over_frames(each: Tensor, plain: Tensor) -> Tensor:
    """Return one loss of a loss for each frame and concept.

    Confounders count in plain views only: a jittered view has other light and sharpness than its label says.

    Args:
        each: [B, 20] float, of `CONCEPTS`.
        plain: [B] bool, False for jittered views.
    """
    dense = each[:, : len(DENSE_CONCEPTS)].mean()
    confounders = each[:, len(DENSE_CONCEPTS) :].mean(1) * plain
    return 0.1 * dense + confounders.sum() / plain.sum().clamp(min=1)


def non_contrastive_loss(image: Tensor, text: Tensor) -> Tensor:
    """Return nCLIP's loss (arXiv 2210.09304): frames and captions of one pair belong to the same cluster.

    Half of the cross-entropies of the two assignments with one another, and the mean entropy of an assignment (sharp
    ones have little), less the entropy of the mean assignment (smooth over the clusters it has much): without the last,
    one cluster for all would be best.

    Args:
        image: [B, C] float, logits of C clusters of each frame.
        text: [B, C] float, those of its caption.
    """
    p, q = image.softmax(1), text.softmax(1)
    agreement = -(p * text.log_softmax(1) + q * image.log_softmax(1)).sum(1).mean() / 2
    sharp = (_entropy(p).mean() + _entropy(q).mean()) / 2
    smooth = (_entropy(p.mean(0)) + _entropy(q.mean(0))) / 2
    return agreement + _SHARPNESS * sharp - _SMOOTHNESS * smooth


def triplet_loss(
    image: Tensor, text: Tensor, twin: Tensor, twin_text: Tensor, *, true: Tensor, true_of_twin: Tensor,
    temperature: float,
) -> Tensor:  # fmt: skip
    """Return TripletCLIP's loss (arXiv 2411.02545) of pairs and their negative pairs.

    Frames find their text among all texts and all negative ones, texts their frame among all frames; and so do the
    negative pairs, to which the others are the negative ones. Each half counts a half.

    Args:
        image: [B, D] float, unit norm, frames.
        text: [B, D] float, unit norm, theirs.
        twin: [B, D] float, unit norm, the frames' negative twins.
        twin_text: [B, D] float, unit norm, theirs.
        true: [B, 2B] bool, which of texts and negative texts are true of a frame; but for its own they don't count.
        true_of_twin: [B, 2B] bool, which of negative texts and texts are true of a twin.
        temperature: of the softmax.
    """
    pairs = _paired(image, text, twin_text, true, temperature)
    return pairs + _paired(twin, twin_text, text, true_of_twin, temperature)


def graded_loss(logits: Tensor, presence: Tensor, likeness: Tensor, plain: Tensor) -> Tensor:
    """Return MedFILIP's loss (arXiv 2501.10775): a text is as true of a frame as it is like what is there.

    Squared error and cross-entropy against the largest likeness to a concept of the frame.

    Args:
        logits: [B, 20] float, of `CONCEPTS`.
        presence: [B, 20] float, 0 or 1.
        likeness: [20, 20] float in 0..1 of concepts.
        plain: [B] bool, False for jittered views.
    """
    target = (presence[:, :, None] * likeness).amax(1)
    squared = (logits.sigmoid() - target).square()
    return over_frames(squared + F.binary_cross_entropy_with_logits(logits, target, reduction="none"), plain)


def content_loss(dense: Tensor, boxes: Tensor, crops: Tensor) -> Tensor:
    """Return DeCLIP's content term (arXiv 2505.04410): a region's features are those of its crop, 1 - cos.

    Args:
        dense: [B, D, H, W] float, unit norm along D.
        boxes: [B, 4] long, a region of each frame: first row, first column, rows, columns.
        crops: [B, D] float, unit norm, what the teacher says of the region cut out and enlarged to a frame.
    """
    regions = [
        grid[:, top : top + rows, left : left + columns].mean((1, 2))
        for grid, (top, left, rows, columns) in zip(dense, boxes.tolist(), strict=True)
    ]
    return (1 - (unit(torch.stack(regions), dim=1) * crops).sum(1)).mean()


def context_loss(dense: Tensor, teacher: Tensor) -> Tensor:
    """Return DeCLIP's context term (arXiv 2505.04410): places are as like one another as the teacher's are.

    The Euclidean distance of a place's row of cosines to all places from the teacher's row, as a mean over places.

    Args:
        dense: [B, D, H, W] float.
        teacher: [B, C, H, W] float, features of any width of the same places.
    """
    distances: Tensor = torch.linalg.vector_norm(_cosines(dense) - _cosines(teacher), dim=2)
    return distances.mean()


def _entropy(chances: Tensor) -> Tensor:
    each: Tensor = torch.special.entr(chances)
    return each.sum(-1)


def _paired(image: Tensor, text: Tensor, negative: Tensor, true: Tensor, temperature: float) -> Tensor:
    count = len(image)
    own = torch.eye(count, 2 * count, dtype=torch.bool)
    logits = (image @ torch.cat([text, negative]).T / temperature).masked_fill(true & ~own, -torch.inf)
    right = torch.arange(count)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits[:, :count].T, right)) / 2


def _cosines(grid: Tensor) -> Tensor:
    places = unit(grid.flatten(2), dim=1)
    return places.transpose(1, 2) @ places
