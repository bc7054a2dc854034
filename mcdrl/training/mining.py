"""Fits the miners of `train.mining: source_tuned` on the source sites' training frames.

A miner finds more of the lesions that it was fitted on than of others, so a network trained on its regions would expect
better ones than any new site gives. So the regions are cross-fitted: a source site's frames are mined by a miner that
was fitted on the other source sites; where only one of them has lesions, by groups of frames in place of sites. A miner
fitted on all of them travels with the model and mines the frames of sites that nobody has seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import AdamW

from mcdrl.base.device import onto
from mcdrl.base.errors import InputError
from mcdrl.base.runtime import progress
from mcdrl.base.seeds import seed_for
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.imaging.flips import UNFLIPPED
from mcdrl.networks.factory import seeded
from mcdrl.networks.inputs import SitesReader, StoresLayout, batch_of_rows
from mcdrl.networks.interface import Batch
from mcdrl.regions.tuned import Miner
from mcdrl.study.sections.train import MinerParams
from mcdrl.training.data import Frames, epoch_batches
from mcdrl.training.sources import StoredRows, ahead, readers_for

_SILENT = 1e-4  # standard deviation of a channel that never speaks


@dataclass(frozen=True)
class Miners:
    """What selects the regions of the source sites' frames, and of all others.

    Attributes:
        whole: fitted on all training frames.
        without: fold -> fitted on the training frames of the other folds.
        fold: case -> the fold that it belongs to; `whole` has not been fitted on any other case.
    """

    whole: Miner
    without: Mapping[str, Miner]
    fold: Mapping[str, str]

    @property
    def taps(self) -> list[str]:
        """Return the maps that they look at."""
        return self.whole.taps

    def of(self, cases: Sequence[str]) -> CrossFitted:
        """Return what selects the regions of a batch of these frames."""
        return CrossFitted([self.without.get(self.fold.get(case, ""), self.whole) for case in cases])


@dataclass(frozen=True)
class CrossFitted:
    """Selects the regions of a batch, each frame by its own miner.

    Attributes:
        miners: one a frame.
    """

    miners: Sequence[Miner]

    @property
    def kept(self) -> int:
        """Return N, how many places are kept of each frame."""
        return self.miners[0].kept

    def regions(self, maps: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Select the target regions of B frames, as `Miner.regions` does."""
        chosen: dict[int, tuple[Tensor, Tensor]] = {}
        for miner in dict.fromkeys(self.miners):
            at = [index for index, one in enumerate(self.miners) if one is miner]
            found = miner.regions({tap: _frames(grid, at) for tap, grid in maps.items()})
            chosen |= dict(zip(at, zip(*found, strict=True), strict=True))
        similarity, selected = zip(*(chosen[index] for index in range(len(chosen))), strict=True)
        return torch.stack(similarity), torch.stack(selected)


@dataclass(frozen=True)
class _Drawn:
    """What a batch is made of.

    Attributes:
        cases: its frames.
        folds: that of each frame.
        alone: the fold whose miner alone looks at the batch, as others saw enough; None: all look.
    """

    cases: Sequence[str]
    folds: Sequence[str]
    alone: str | None = None


@dataclass(frozen=True)
class _Fit:
    """A miner on its way.

    Attributes:
        miner: what is fitted.
        optimiser: of its weights.
        left_out: the fold whose frames it doesn't see; None: it sees all.
    """

    miner: Miner
    optimiser: AdamW
    left_out: str | None

    def sees(self, drawn: _Drawn) -> list[int]:
        """Return which frames of a batch it looks at."""
        if drawn.alone not in (None, self.left_out):
            return []
        return [index for index, fold in enumerate(drawn.folds) if fold != self.left_out]


def tuned_miners(reader: SitesReader, frames: Frames, params: MinerParams, seed: int, device: torch.device) -> Miners:
    """Return miners fitted on the masks of the training frames, frozen and in evaluation mode.

    What is asked of a place is the share of it that is lesion; the loss is cross-entropy and soft Dice. A place counts
    by the share of it that somebody judged. All are fitted in one pass over the frames, which are read once; each of
    them takes what it may see of a batch. Where that is nothing in most batches, as beside a site that has nearly all
    frames, a miner gets further batches, of the frames that it may see.

    Args:
        reader: of the source sites.
        frames: of the source sites; masks of validation frames aren't read.
        params: how the miners are made and fitted.
        seed: of the training.
        device: to fit on; the miners stay there.

    Raises:
        InputError: all training frames with a lesion belong to one group of one site, or maps hold infinity or NaN.
    """
    fold = cross_fit_folds(frames, params.group_folds)
    fits = [_new(reader.layout, params, seed, device, left_out) for left_out in (None, *sorted(set(fold.values())))]
    batches = _Batches(reader, frames.train, fold, params.batch_size, seed, device, fits[0].miner.taps)
    _standardise(fits, batches, params.statistics)
    for step, (drawn, batch) in enumerate(batches.read(params.steps, "tuning the mining")):
        columns = fits[0].miner.hypercolumns(batch.encoded.maps)
        for fit in fits:
            with torch_seeded(seed_for("train", seed, "miner", fit.left_out or "", step), device):  # of the dropout
                _step(fit, columns, batch, fit.sees(drawn))
    done = {fit.left_out: fit.miner.eval().requires_grad_(False) for fit in fits}
    return Miners(done[None], {name: miner for name, miner in done.items() if name is not None}, fold)


def cross_fit_folds(frames: Frames, group_folds: int) -> dict[str, str]:
    """Return the fold of each frame whose regions must not come from a miner that was fitted on its like.

    Folds are sites, of validation and unlabelled frames, too, so that these are mined as a new site's. Where lesions
    are at one site alone, folds are at most `group_folds` groups of training frames; those others then have none, as
    their groups are others.

    Raises:
        InputError: as `tuned_miners`.
    """
    lesions = [case for case in frames.train if frames.class_index[case] >= 0]
    if len({_site(case) for case in lesions}) > 1:
        return {case: _site(case) for case in (*frames.train, *frames.unlabelled, *frames.val)}
    with_lesion = {frames.group[case] for case in lesions}
    count = min(group_folds, len(with_lesion))
    if count < 2:
        raise InputError(
            "train.mining is source_tuned, but all training frames with a lesion belong to one group of one site, so "
            "no miner can be fitted on others than it mines; use zero_shot, or add sites, patients or sequences"
        )
    order = sorted({frames.group[case] for case in frames.train}, key=lambda group: (group not in with_lesion, group))
    number = {group: f"fold {index % count}" for index, group in enumerate(order)}
    return {case: number[frames.group[case]] for case in frames.train}


def _site(case: str) -> str:
    return case.partition("/")[0]


def _new(layout: StoresLayout, params: MinerParams, seed: int, device: torch.device, left_out: str | None) -> _Fit:
    with seeded(seed, "miner"):
        channels = _channels(layout, params.finest)
        miner = Miner(channels, layout.grid, layout.alpha, hidden=params.hidden, dropout=params.dropout).to(device)
    return _Fit(miner, AdamW(miner.parameters(), lr=params.lr, weight_decay=params.weight_decay), left_out)


def _step(fit: _Fit, columns: Tensor, batch: Batch, at: list[int]) -> None:
    if not at:
        return
    fit.optimiser.zero_grad()
    columns, lesion, judged = (_frames(rows, at) for rows in (columns, batch.lesion, batch.judged))
    _loss(fit.miner(columns), lesion, judged).backward()  # type: ignore[no-untyped-call]
    fit.optimiser.step()


def _frames(rows: Tensor, at: Sequence[int]) -> Tensor:
    """Return some frames' rows; a list as an index would make the CPU wait for the device."""
    return rows[onto(torch.tensor(at), rows.device)]


def _channels(layout: StoresLayout, finest: int) -> dict[str, int]:
    """Return the channels of the maps that the miner looks at, by tap."""
    return {
        tap: count for tap, count in layout.map_channels.items() if layout.map_sides[tap] <= finest * layout.grid[1]
    }


def _standardise(fits: Sequence[_Fit], batches: _Batches, count: int) -> None:
    sums = torch.zeros(len(fits), 3, len(fits[0].miner.mean), dtype=torch.float64)
    for drawn, batch in batches.read(count, "statistics for the mining"):
        rows = fits[0].miner.hypercolumns(batch.encoded.maps).cpu().double().flatten(2)  # [B, C, HW]
        frame = torch.stack([torch.full_like(rows[..., 0], rows.shape[2]), rows.sum(2), rows.square().sum(2)], 1)
        sums += torch.stack([frame[fit.sees(drawn)].sum(0) for fit in fits])
    if not sums.isfinite().all():
        raise InputError(
            "train.mining is source_tuned, but maps of the source sites' training frames hold infinity or NaN; "
            "run `dvc repro -f encode`, with other weights or backbone if they come back"
        )
    for fit, (n, total, squares) in zip(fits, sums, strict=True):
        mean = total / n
        fit.miner.mean.copy_(mean)
        std = (squares / n - mean.square()).clamp(min=0).sqrt()
        fit.miner.std.copy_(torch.where(std > _SILENT, std, 1.0))


@dataclass(frozen=True)
class _Batches:
    """The training frames in batches, each frame with its fold.

    Attributes:
        reader: of the source sites.
        cases: the training frames.
        fold: case -> fold.
        batch_size: frames a batch.
        seed: of the training.
        device: to put them on.
        taps: the maps that are read.
    """

    reader: SitesReader
    cases: Sequence[str]
    fold: Mapping[str, str]
    batch_size: int
    seed: int
    device: torch.device
    taps: Sequence[str]

    def read(self, steps: int, label: str) -> Iterator[tuple[_Drawn, Batch]]:
        """Yield so many batches and those that a miner needs besides, the same ones each time.

        Args:
            steps: batches that all miners look at.
            label: says what is read for.
        """
        order = _ordered(self.cases, self.fold, self.batch_size, self.seed, steps)

        stored = StoredRows(self.reader, [], self.taps, pinned=self.device.type == "cuda")
        views = [[(case, UNFLIPPED) for case in drawn.cases] for drawn in order]
        with closing(ahead(stored.rows, views, readers_for(self.device, 1))) as found:
            for drawn, rows in progress(zip(order, found, strict=True), label, len(order)):
                yield drawn, batch_of_rows(rows, [-1] * len(drawn.cases), self.device)


def _ordered(cases: Sequence[str], fold: Mapping[str, str], size: int, seed: int, steps: int) -> list[_Drawn]:
    """Return batches for all miners, then those of miners that see frames in fewer than half of these."""
    shared = [_Drawn(batch, [fold[case] for case in batch]) for batch in _batches(cases, size, seed, steps)]
    found = list(shared)
    for left_out in sorted(set(fold.values())):
        seen = sum(set(drawn.folds) != {left_out} for drawn in shared)
        others = [case for case in cases if fold[case] != left_out]
        more = _batches(others, size, seed, math.ceil(steps / 2) - seen)
        found += [_Drawn(batch, [fold[case] for case in batch], left_out) for batch in more]
    return found


def _batches(cases: Sequence[str], size: int, seed: int, count: int) -> list[list[str]]:
    batches: list[list[str]] = []
    while len(batches) < count:
        batches += epoch_batches(cases, size, seed=seed, epoch=len(batches))
    return batches[: max(count, 0)]


def _loss(logits: Tensor, lesion: Tensor, judged: Tensor) -> Tensor:
    truth = torch.stack([lesion, judged], 1).float()
    lesion, judged = F.adaptive_avg_pool2d(truth, (logits.shape[1], logits.shape[2])).unbind(1)
    share = torch.where(judged > 0, lesion / judged, 0.0)
    said = logits.sigmoid() * judged
    overlap = 2 * (said * share).sum() / (said.sum() + lesion.sum()).clamp(min=1)
    return F.binary_cross_entropy_with_logits(logits, share, weight=judged) + 1 - overlap
