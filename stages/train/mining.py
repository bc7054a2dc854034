"""Fits the miner of `train.mining: source_tuned` on the source sites' training frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import AdamW

from stages.core.base.runtime import progress
from stages.core.networks.data import Layout, Raw, SitesReader, to_batch
from stages.core.networks.interface import Batch
from stages.core.networks.miner import Miner
from stages.core.networks.parts import seeded
from stages.train.data import ahead, epoch_batches

_STEPS, _BATCH = 600, 16
_FOR_STATISTICS = 50  # batches whose places give mean and standard deviation
_LR, _DECAY = 2e-3, 0.05
_SILENT = 1e-4  # standard deviation of a channel that never speaks
_FINEST = 2  # a map with more than so many places a grid place costs much and says little


def tuned_miner(reader: SitesReader, cases: Sequence[str], seed: int, device: torch.device) -> Miner:
    """Return a miner fitted on the masks of the given frames, frozen and in evaluation mode.

    What is asked of a place is the share of it that is lesion; the loss is cross-entropy and soft Dice. A place counts
    by the share of it that somebody judged.

    Args:
        reader: of the source sites.
        cases: their training frames.
        seed: of the training.
        device: to fit on; the miner stays there.
    """
    with seeded(seed, "miner"):
        miner = Miner(_channels(reader.layout), reader.layout.grid, reader.layout.alpha).to(device)
        _standardise(miner, reader, cases, seed)
        optimiser = AdamW(miner.parameters(), lr=_LR, weight_decay=_DECAY)
        for batch in _batches(miner, reader, cases, seed, _STEPS, "tuning the mining"):
            optimiser.zero_grad()
            loss = _loss(miner(miner.places(batch.encoded.maps)), batch)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return miner.eval().requires_grad_(False)


def _channels(layout: Layout) -> dict[str, int]:
    """Return the channels of the maps that the miner looks at, by tap."""
    return {
        tap: count for tap, count in layout.map_channels.items() if layout.map_sides[tap] <= _FINEST * layout.grid[1]
    }


def _standardise(miner: Miner, reader: SitesReader, cases: Sequence[str], seed: int) -> None:
    sums = torch.zeros(3, len(miner.mean), dtype=torch.float64)
    for batch in _batches(miner, reader, cases, seed, _FOR_STATISTICS, "statistics for the mining"):
        rows = miner.places(batch.encoded.maps).double().transpose(0, 1).flatten(1)
        sums += torch.stack([torch.full_like(rows[:, 0], rows.shape[1]), rows.sum(1), rows.square().sum(1)]).cpu()
    mean = sums[1] / sums[0]
    miner.mean.copy_(mean)
    std = (sums[2] / sums[0] - mean.square()).clamp(min=0).sqrt()
    miner.std.copy_(torch.where(std > _SILENT, std, 1.0))


def _batches(
    miner: Miner, reader: SitesReader, cases: Sequence[str], seed: int, steps: int, label: str
) -> Iterator[Batch]:
    order = _ordered(cases, seed, steps)

    def read() -> Iterator[Raw]:
        return (reader.read(chosen, mask=True, prefix=False, features=False, maps=miner.taps) for chosen in order)

    with closing(ahead(read)) as raws:
        for raw in progress(raws, label, len(order)):
            yield to_batch(raw, [-1] * len(raw["frames/image"]), miner.mean.device)


def _ordered(cases: Sequence[str], seed: int, steps: int) -> list[list[str]]:
    batches: list[list[str]] = []
    while len(batches) < steps:
        batches += epoch_batches(cases, _BATCH, seed=seed, epoch=len(batches))
    return batches[:steps]


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    truth = torch.stack([batch.lesion, batch.judged], 1).float()
    lesion, judged = F.adaptive_avg_pool2d(truth, (logits.shape[1], logits.shape[2])).unbind(1)
    share = torch.where(judged > 0, lesion / judged, 0.0)
    said = logits.sigmoid() * judged
    overlap = 2 * (said * share).sum() / (said.sum() + lesion.sum()).clamp(min=1)
    return F.binary_cross_entropy_with_logits(logits, share, weight=judged) + 1 - overlap
