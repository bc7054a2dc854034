"""Whether a frame has a lesion at all: a small head beside any method's own, and the losses of whole frames.

The head sees what the trunk made of the frame, pooled over all places and over those that the method calls, and how
much it calls. It learns by the masks' own labels and acts on the trunk's features alone: no gradient of it reaches the
method's map. What acts on that map is `hard_negatives`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.base.device import in_float32
from mcdrl.clip.encoder import Encoded
from mcdrl.metrics.operating_point import HIGHEST_SHARE
from mcdrl.networks.interface import Batch, Method, Output

SLIVER_SHARE = 1e-3  # of the frame: less lesion than that, at a view's rim, is neither a lesion nor none
_CALLED = 3  # numbers that a map of logits is told by
_FEW = 1e-4  # share of lesion that a mean over called places starts from


class Presence(nn.Module):
    """From a trunk's maps and a method's logits to the logit of a lesion being there."""

    def __init__(self, channels: Mapping[str, int], *, width: int, dropout: float) -> None:
        """Make the head.

        Args:
            channels: tap -> channels of the maps that it sees.
            width: channels inside.
            dropout: share of them dropped.
        """
        super().__init__()
        self.norms = nn.ModuleDict({tap: nn.LayerNorm(2 * count) for tap, count in channels.items()})
        self.maps = nn.ModuleDict({tap: nn.Linear(2 * count, width) for tap, count in channels.items()})
        self.called = nn.Linear(_CALLED, width)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, 1)

    def forward(self, encoded: Encoded, logits: Tensor) -> Tensor:
        """Judge B frames.

        Args:
            encoded: what the trunk made of them.
            logits: [B, 2, S, S] float, what the method says of their pixels.

        Returns:
            [B] float32 logits.
        """
        lesion = (logits[:, 1:] - logits[:, :1]).detach().float()
        hidden = self.called(_told(lesion))
        for tap, layer in self.maps.items():
            grid = encoded.maps[tap]
            hidden = hidden + layer(self.norms[tap](_pooled(grid, lesion.sigmoid())))
        found: Tensor = self.out(self.dropout(F.relu(hidden)))
        return found[:, 0].float()


def presence(method: Method, output: Output) -> Tensor | None:
    """Return the logit of a lesion being there, [B] float32, by a method's head for it; None: it has no such head.

    Raises:
        ValueError: the method doesn't say what it made its output of.
    """
    if method.presence is None:
        return None
    if output.encoded is None:
        raise ValueError(f"{type(method).__name__} gives no `Output.encoded`, by which its presence head judges")
    judged: Tensor = method.presence(output.encoded, output.logits)
    return judged


def frame_losses(
    method: Method, batch: Batch, output: Output, *, presence_weight: float, hard_negative_weight: float
) -> dict[str, Tensor]:
    """Return the weighted terms that act on whole frames, whatever the method, by name; none of weight zero.

    Args:
        method: has a presence head where `presence_weight` isn't zero.
        batch: B frames with masks.
        output: what the method says of them.
        presence_weight: of `presence_loss`.
        hard_negative_weight: of `hard_negatives`.
    """
    losses = {}
    logit = presence(method, output) if presence_weight else None
    if logit is not None:
        losses["presence"] = presence_weight * presence_loss(logit, batch, output.absent)
    if hard_negative_weight:
        losses["hard_negative"] = hard_negative_weight * hard_negatives(output.logits, batch)
    return losses


def presence_loss(logit: Tensor, batch: Batch, absent: Tensor | None = None) -> Tensor:
    """Return the binary cross-entropy of frames having a lesion; frames of which that isn't clear count zero.

    Args:
        logit: [B] float.
        batch: the B frames.
        absent: [B] bool, as that of `Output`: of these the map says nothing of what the mask holds, so they count zero,
            too; None: the same as none of them.
    """
    there, known = frame_labels(batch)
    known = known if absent is None else known & ~absent
    entropy = F.binary_cross_entropy_with_logits(logit, there.to(logit.dtype), reduction="none")
    return (entropy * known).mean()


def hard_negatives(logits: Tensor, batch: Batch) -> Tensor:
    """Return the cross-entropy of the likeliest percent of the pixels of frames without a lesion; other frames count 0.

    Args:
        logits: [B, 2, S, S] float.
        batch: the B frames.
    """
    there, known = frame_labels(batch)
    lesion = (logits[:, 1] - logits[:, 0]).float().masked_fill(~batch.judged, -math.inf)
    return (F.softplus(_highest(lesion)).mean(1) * (known & ~there)).mean()


def frame_labels(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return whether each frame has a lesion, and whether its mask says so, [B] bool each.

    It doesn't where most of the frame wasn't judged, where no more than a sliver of a lesion is in it, or where the
    lesion was too small to be in the mask at all. One that a view leaves out isn't in the frame that the network sees.
    """
    share = batch.lesion.float().mean((1, 2))
    there = share >= SLIVER_SHARE
    healthy = (share == 0) & (batch.judged.float().mean((1, 2)) >= 0.5) & ~batch.vanished
    return there, there | healthy


def _highest(lesion: Tensor) -> Tensor:
    """Return the highest percent of values over pixels, [B, S, S] to [B, N]."""
    pixels = lesion.flatten(1)
    return pixels.topk(max(math.ceil(HIGHEST_SHARE * int(pixels.shape[1])), 1), dim=1).values


def _told(lesion: Tensor) -> Tensor:
    """Return what a map of logits, [B, 1, S, S], tells: the highest, the mean of the highest percent, the area."""
    highest = _highest(lesion[:, 0])
    area = lesion.sigmoid().mean((1, 2, 3))
    return torch.stack([highest[:, 0], highest.mean(1), (area + _FEW).log()], 1)


def _pooled(grid: Tensor, lesion: Tensor) -> Tensor:
    """Return the mean of a grid, [B, C, h, w], over its places, and by how much of each is lesion, [B, 2 C]."""
    rows, columns = (bins(lesion, axis, int(grid.shape[axis])) for axis in (2, 3))
    with in_float32(lesion.device):
        share = rows @ lesion @ columns.T + _FEW
    there = (grid * share).sum((2, 3)) / share.sum((2, 3))
    return torch.cat([grid.mean((2, 3)), there], 1)


def bins(pixels: Tensor, axis: int, parts: int) -> Tensor:
    """Return what takes the means of an axis in equal parts, [parts, pixels], as `adaptive_avg_pool2d` does.

    That one can't be exported, as the exporter loses sight of sizes, and on CUDA its gradient isn't deterministic.
    """
    size, device = int(pixels.shape[axis]), pixels.device
    place, part = torch.arange(size, device=device), torch.arange(parts, device=device)[:, None]
    inside = (place >= part * size // parts) & (place < ((part + 1) * size + parts - 1) // parts)
    return inside.to(pixels.dtype) / inside.sum(1, keepdim=True)
