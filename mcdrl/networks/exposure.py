"""Frames darker than those that a network was trained on, shown as bright as these.

A dark picture is a bright one times a number, nearly, so the number can be given back. What a network has never seen so
dark is all that is touched, so that on the frames that it was trained on next to nothing changes.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from mcdrl.metrics.counts import Floats

PATCH_PX = 16  # side of the patches of which the brightest counts: glare alone fills none
MOST = 4.0  # times; darker still, and grain is nearly all there is
DARK_SHARE = 0.05  # of the training frames, that lie below the limit


def bright_end(frame: Tensor) -> Tensor:
    """Return how bright the brightest patch of each frame is, [B] in 0..1, by the highest channel of its pixels.

    Args:
        frame: [B, 3, S, S] float in 0..1.
    """
    side = int(frame.shape[-1])
    patch = min(PATCH_PX, side)
    step = max(one for one in range(1, patch + 1) if (side - patch) % one == 0)  # they cover it, mirrored or not
    return F.avg_pool2d(frame.amax(1, keepdim=True), patch, step).amax((1, 2, 3))


def lifted(frame: Tensor, dark_below: float) -> Tensor:
    """Return frames whose bright end is no less than a limit, or `MOST` times what it was; brighter ones as they are.

    Args:
        frame: [B, 3, S, S] float in 0..1.
        dark_below: the limit, 0..1; 0: all are left as they are.
    """
    if not dark_below:
        return frame
    times = (dark_below / bright_end(frame).clamp(min=1 / 255)).clamp(1, MOST)
    return (frame * times[:, None, None, None]).clamp(max=1)


def limit(ends: Floats) -> float:
    """Return the limit for a network that was trained on frames with such bright ends, [n] in 0..1."""
    return float(np.quantile(ends, DARK_SHARE))
