"""The losses that `pretrain.objective` and `pretrain.distillation` choose among, of vectors alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.clip.encoder import unit
from stages.pretrain.phrases import DENSE_CONCEPTS

_SHARPNESS, _SMOOTHNESS = 0.5, 1.0  # ours; the abstract names both terms without a weight
_VARIANCE, _COVARIANCE = 1.0, 0.04  # against transport, ours: what is public of OTCXR names the weights without a value
_ENTROPY, _ROUNDS = 0.1, 20  # of Sinkhorn's iteration, likewise; costs are 0..2


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


def transport_loss(one: Tensor, other: Tensor) -> Tensor:
    """Return OTCXR's loss (arXiv 2404.11868): what it costs to make a view's places out of another view's.

    Every place weighs the same, and moving one onto another costs 1 - cos. Beside it, for each view: numbers that don't
    vary over places, and numbers that vary together, cost; without these, one vector for all places would be best. The
    transport is what Sinkhorn's iteration finds, and no gradient goes through that: at its optimum none is needed.

    Args:
        one: [B, D, n] float, unit norm along D, places of a view.
        other: [B, D, m] float, likewise, of another view of the same frames.
    """
    cost = 1 - torch.einsum("bdn,bdm->bnm", one, other)
    moved = (transport_plan(cost.detach(), _ENTROPY, _ROUNDS) * cost).sum((1, 2)).mean()
    spread = [(variance_loss(places), covariance_loss(places)) for places in (_places(one), _places(other))]
    return moved + sum((_VARIANCE * a + _COVARIANCE * b for a, b in spread), torch.zeros(()))


def transport_plan(cost: Tensor, entropy: float, rounds: int) -> Tensor:
    """Return the entropic optimal transport between equal weights, by Sinkhorn's iteration on logarithms.

    Args:
        cost: [B, n, m] float, of moving all of one place onto another.
        entropy: above 0; the smaller, the nearer to the cheapest plan, and the more rounds are needed.
        rounds: of the iteration.

    Returns:
        [B, n, m] float in 0..1, how much is moved; columns sum to 1 / m, rows to nearly 1 / n.
    """
    gain = -cost / entropy
    rows, columns = (-math.log(size) for size in cost.shape[1:])
    column = torch.zeros_like(cost[:, :1])
    row = torch.zeros_like(cost[:, :, :1])
    for _ in range(rounds):
        row = rows - (gain + column).logsumexp(2, keepdim=True)
        column = columns - (gain + row).logsumexp(1, keepdim=True)
    plan: Tensor = (gain + row + column).exp()
    return plan


def variance_loss(vectors: Tensor) -> Tensor:
    """Return how far the standard deviations of numbers, [N, D], are below 1, as a mean over them."""
    return F.relu(1 - vectors.std(0)).mean()


def covariance_loss(vectors: Tensor) -> Tensor:
    """Return the sum of the squared covariances of different numbers, [N, D], over D."""
    covariance = vectors.T.cov()
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / len(covariance)


def unpaired_loss(predicted: Tensor, reports: Tensor, chosen: Tensor) -> Tensor:
    """Return CLIP-IT's distillation (arXiv 2504.16181): a frame tells what its report says, 1 - cos.

    Args:
        predicted: [B, D] float, what frames tell of their reports.
        reports: [N, D] float, unit norm; they aren't taught.
        chosen: [B] long, which report each frame has.
    """
    return (1 - F.cosine_similarity(predicted, reports[chosen].detach(), dim=1)).mean()


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


def _places(view: Tensor) -> Tensor:
    """Lay out places, [B, D, n] of unit norm, as [B * n, D] whose numbers have a deviation of 1 if well spread."""
    return view.transpose(1, 2).flatten(0, 1) * math.sqrt(view.shape[1])


def _cosines(grid: Tensor) -> Tensor:
    places = unit(grid.flatten(2), dim=1)
    return places.transpose(1, 2) @ places
