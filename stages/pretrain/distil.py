"""Content and context distillation of the aligned projection (DeCLIP, arXiv 2505.04410), without masks.

A projection that is aligned by sentences about places and frames says of a place what it looks like by itself. DeCLIP
teaches dense features two things apart: *content*, that a region is what the model says of it when it is cut out and
seen large; and *context*, that places which belong together are alike. The paper trains CLIP's own last attention and
takes context from another vision model. Here the trunk is locked, so that the projection is what learns; content is
taught by the projection as it was aligned, context by the trunk's own maps, which are all that is there without a hub.
The text tower stays as it is.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from mcdrl.base.runtime import progress
from mcdrl.base.seeds import seed_for
from mcdrl.clip.lite_joint import Joint
from mcdrl.study.sections.pretrain import Distillation
from stages.pretrain.corpus import Corpus
from stages.pretrain.losses import content_loss, context_loss

_BATCH = 64
_LR = 3e-4  # a tenth of the alignment's: what is learned is corrected


def distil(aligned: Joint, corpus: Corpus, params: Distillation, seed: int) -> Joint:
    """Return a projection that was taught by an aligned one, in evaluation mode; equal arguments give equal weights.

    Args:
        aligned: the teacher, in evaluation mode; it stays as it is.
        corpus: with crops.
        params: how long, and what counts how much.
        seed: of the order of the frames.
    """
    student = copy.deepcopy(aligned)
    optimizer = torch.optim.AdamW(student.layers.parameters(), lr=_LR)
    order = torch.Generator().manual_seed(seed_for("pretrain", "distil", seed))
    frames = len(corpus.hypercolumns)
    orders = [torch.randperm(frames, generator=order) for _ in range(params.epochs)]
    steps = [rows for whole in orders for rows in torch.split(whole, _BATCH)]
    for rows in progress(steps, "distilling", len(steps)):
        content, context = terms(student, aligned, corpus, rows)
        optimizer.zero_grad()
        torch.autograd.backward(params.content_weight * content + params.context_weight * context)
        optimizer.step()
    return student


def terms(student: Joint, teacher: Joint, corpus: Corpus, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the content and the context term on the frames `rows`.

    Raises:
        ValueError: the corpus has no crops.
    """
    if corpus.crops is None:
        raise ValueError("the corpus to distil from has no crops")
    columns = corpus.hypercolumns[rows].float()
    dense, _ = student(columns)
    with torch.no_grad():
        _, crops = teacher(corpus.crops.hypercolumns[rows].float())
        standard = (columns - teacher.mean[:, None, None]) / teacher.std[:, None, None]
    return content_loss(dense, corpus.crops.boxes[rows], crops), context_loss(dense, standard)
