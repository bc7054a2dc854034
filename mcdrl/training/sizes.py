"""Frames at a side that is drawn for each step, for networks that have the pixels in the loop.

All that lies on a frame goes with it, so that each method's own loss is taken at the side at which the network looks:
logits brought back to the working size would ask for the outline of a frame that nobody saw. Frames are enlarged or
reduced as at prediction (`evaluate.further_sizes_px`); masks take the nearest pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch.nn import functional as F

from mcdrl.base.errors import InputError
from mcdrl.base.seeds import generator
from mcdrl.model.resampling import resized
from mcdrl.networks.interface import Batch, Trunk
from mcdrl.networks.trunk import EndToEnd
from mcdrl.regions.grid import best_places
from mcdrl.regions.zero_shot import places_kept


def drawn_side(working_px: int, further_px: Sequence[int], *place: str | int) -> int:
    """Draw a side: the working size or a further one, with even chances.

    Args:
        working_px: side of the frames as they are read.
        further_px: sides beside it; none: nothing is drawn.
        place: what the draw belongs to, such as seed, epoch and step; equal places give equal draws.
    """
    sides = [working_px, *further_px]
    return sides[int(generator("side", *place).integers(len(sides)))]


def at_side(batch: Batch, side_px: int, alpha: float) -> Batch:
    """Return frames with all that lies on them at another side; at their own they are returned as they are.

    The grid of the mined regions grows or shrinks in proportion, and its best places are selected anew.

    Args:
        batch: B frames with masks, no cached features.
        side_px: the side, a whole multiple of the coarsest stride.
        alpha: share of the grid that is kept.
    """
    here_px = int(batch.frame.shape[-1])
    if side_px == here_px:
        return batch
    mask = F.interpolate(batch.mask[:, None].float(), (side_px, side_px), mode="nearest-exact")[:, 0].long()
    grid = round(int(batch.similarity.shape[-1]) * side_px / here_px)
    similarity = resized(batch.similarity[:, None], grid, "bilinear")[:, 0].half().float()  # as it is stored
    kept = places_kept(grid, grid, alpha)
    lost = batch.lesion.any(2).any(1) & ~(mask == 1).any(2).any(1)  # too small to be seen at this side
    return replace(
        batch,
        frame=resized(batch.frame, side_px, "bicubic").clamp(0, 1),
        mask=mask,
        held=None if batch.held is None else batch.held & ~lost[:, None],
        similarity=similarity,
        selected=best_places(similarity, kept),
        kept=kept,
        encoder_px=side_px,
    )


def check_sides(trunk: Trunk, working_px: int, further_px: Sequence[int]) -> None:
    """Check that a network can be trained at further sides.

    Args:
        trunk: what takes the frames.
        working_px: side of the frames as they are read.
        further_px: the sides beside it.

    Raises:
        InputError: its encoder takes frames of one side alone, or sees frames at another than the working size.
    """
    if not further_px:
        return
    seen_px = trunk.size_px if isinstance(trunk, EndToEnd) else working_px
    reasons = [
        (not trunk.resizes, f"the backbone takes frames of {seen_px} px alone"),
        (seen_px != working_px, f"the backbone sees frames of {working_px} px at {seen_px} px"),
    ]
    found = [reason for holds, reason in reasons if holds]
    if found:
        told = ", ".join(map(str, further_px))
        raise InputError(f"nothing can be trained at {told} px beside: {found[0]}; write train.further_sizes_px: []")
