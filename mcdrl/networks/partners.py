"""Which frame of a batch lends another one its look."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mcdrl.base.device import onto
from mcdrl.base.errors import InputError


def partners(site: Tensor) -> Tensor:
    """Return for each frame another one of another site, drawn by torch's random state; itself where there is none.

    Args:
        site: [B] long.

    Returns:
        [B] long.
    """
    foreign = site[:, None] != site[None, :]
    scores = onto(torch.rand(foreign.shape), site.device).masked_fill(~foreign, -1.0)
    alone = torch.arange(len(site), device=site.device)
    return torch.where(foreign.any(1), scores.argmax(1), alone)


def check_lenders(borrower: str, remedy: str, sites: Sequence[int], batch_size: int) -> None:
    """Check that a frame of another site can be in the batch for what asks for one; else nothing would be lent.

    Args:
        borrower: who takes what: "the method takes the amplitudes".
        remedy: what else may be done: "choose another method".
        sites: the number of each training frame's site.
        batch_size: frames a step, of one process.

    Raises:
        InputError: there is none.
    """
    reasons = [
        (len(set(sites)) < 2, "all training frames are of one site; add a source site"),
        (batch_size < 2, f"a step has {batch_size} frame a process; take a larger train.batch_size"),
    ]
    found = [reason for holds, reason in reasons if holds]
    if found:
        raise InputError(f"{borrower} of another site's frame in the batch, but {found[0]}, or {remedy}")
