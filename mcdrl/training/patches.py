"""What frames teach without their masks: a patch that passes alone against the whole frame (arXiv 2202.04074).

In the first epochs features are contrasted: InfoNCE, CE(cos(f(patch), f(whole at each place)) / tau, its own place),
all other places of all whole frames of the batch, or of a process's part of it, being negative. After them answers have
to agree: mean (P(patch) - P(whole there))^2. Of the paper are the two levels, both terms, tau and their order in time.

All else is our choice. The paper cuts frames into five by five; ours are smaller and deeper encoders leave few places,
so the default is two by two. One patch of each frame is drawn in a step, and is enlarged to the frame's size, as every
encoder and all mined regions take it; so the terms ask for the same answer at another distance as well. Features are
the coarsest map, averaged, without a projection of their own; they get gradients at both levels, answers at that of the
patch alone. Both passes are those of prediction, without dropout and without what methods do with masks.

The pixels have to be in the loop (modes partial and finetune): a cached map of the frame has seen beyond the patch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mcdrl.base.device import in_float32, onto
from mcdrl.base.errors import InputError
from mcdrl.base.seeds import generator
from mcdrl.clip.encoder import Encoded, unit
from mcdrl.model.probability import lesion
from mcdrl.networks.inputs import fine_to_coarse
from mcdrl.networks.interface import Batch, Method, Output
from mcdrl.networks.presence import bins
from mcdrl.networks.views import moved, placed, viewed
from mcdrl.study.sections.train import PatchParams, Unlabelled
from mcdrl.training.data import Frames


def shown_without_masks(frames: Frames, unlabelled: Unlabelled) -> list[str]:
    """Return the frames whose patches are compared: unlabelled (patches), or labelled ones in their place (copies).

    Raises:
        InputError: unlabelled frames are asked for, and there is none.
    """
    if unlabelled == "patches" and not frames.unlabelled:
        raise InputError(
            "train.unlabelled is patches, but train.labelled_share leaves no frame of the source sites without labels: "
            "write a smaller share, or copies, which takes labelled frames"
        )
    return {"none": [], "patches": frames.unlabelled, "copies": frames.train}[unlabelled]


def patch_batches(cases: Sequence[str], sizes: Sequence[int], *, seed: int, epoch: int) -> list[list[str]]:
    """Return an epoch's batches of some frames: all of them come once before one comes again.

    Args:
        cases: the frames, at least one.
        sizes: of the batches.
        seed: of the training.
        epoch: from 0.
    """
    draw, order = generator("train", seed, "patches", epoch), list[str]()
    while len(order) < sum(sizes):
        order += [cases[index] for index in draw.permutation(len(cases))]
    taken = iter(order)
    return [[next(taken) for _ in range(size)] for size in sizes]


def patch_losses(
    method: Method, batch: Batch, params: PatchParams, *, contrast: bool, intervene: bool, seed: int
) -> dict[str, Tensor]:
    """Return the weighted term of one patch of each frame.

    Args:
        method: in training; it is so again afterwards.
        batch: B frames, whose masks aren't looked at.
        params: how frames are cut, and what the term weighs.
        contrast: whether features are contrasted; else answers have to agree.
        intervene: as in `Method.forward`.
        seed: of the patches that are drawn.
    """
    drawn = torch.from_numpy(generator("patches", seed).integers(params.across**2, size=len(batch.frame)))
    views = onto(patch_views(drawn, params.across), batch.frame.device)
    method.eval()
    with torch.set_grad_enabled(contrast):
        whole = method.single_pass(batch, intervene=intervene)
    patch = method.single_pass(moved(batch, views), intervene=intervene)
    method.train()
    if contrast:
        places = onto(drawn, batch.frame.device)
        term = patch_contrast(_map(patch), _map(whole), places, params.across, temperature=params.temperature)
        return {"patch_contrast": params.weight * term}
    return {"patch_consistency": params.weight * patch_consistency(patch, whole, views)}


def patch_views(drawn: Tensor, across: int) -> Tensor:
    """Return where patches are, [B, 2, 3] as `mcdrl.networks.views.placed` gives it.

    Args:
        drawn: [B] long, their places, row by row.
        across: patches a side.
    """
    row, column = drawn // across, drawn % across
    middle = (2 * torch.stack([column, row], 1).float() + 1) / across - 1
    nearer, none = torch.full((len(drawn),), float(across)), torch.zeros(len(drawn))
    return placed(nearer, none, middle, torch.ones(len(drawn)))


def patch_contrast(patch: Tensor, whole: Tensor, drawn: Tensor, across: int, *, temperature: float) -> Tensor:
    """Return InfoNCE between patches and the places of whole frames.

    Args:
        patch: [B, C, h, w], the patches' features.
        whole: [B, C, h, w], those of the frames that they are of.
        drawn: [B] long, the patches' places, row by row.
        across: patches a side.
        temperature: of the softmax.
    """
    with in_float32(whole.device):
        patch, whole = patch.float(), whole.float()
        rows, columns = (bins(whole, axis, across) for axis in (2, 3))
        places = unit((rows @ whole @ columns.T).flatten(2), 1)  # [B, C, across^2]
        cosines = torch.einsum("bc,ncp->bnp", unit(patch.mean((2, 3)), 1), places).flatten(1)
    own = torch.arange(len(patch), device=patch.device) * across**2 + drawn
    return F.cross_entropy(cosines / temperature, own)


def patch_consistency(patch: Output, whole: Output, views: Tensor) -> Tensor:
    """Return the mean squared difference of the probabilities of lesion.

    Args:
        patch: what is said of patches.
        whole: what is said of the frames that they are of; it gets no gradient.
        views: [B, 2, 3], where the patches are.
    """
    probability = lesion(whole).detach()
    there, inside = viewed(torch.stack([probability, torch.ones_like(probability)], 1), views).unbind(1)
    return F.mse_loss(lesion(patch), there / inside)  # outermost pixels are seen in part


def _map(output: Output) -> Tensor:
    """Return the coarsest map of what a method made its output of."""
    if output.encoded is None:
        raise ValueError("a method that gives no `Output.encoded` has no features to contrast")
    encoded: Encoded = output.encoded
    return encoded.maps[fine_to_coarse(encoded.maps)[-1]]
