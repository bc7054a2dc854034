"""The training loop: epochs of steps, a validation after each, the best one kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import AdamW

from mcdrl.base.errors import InputError
from mcdrl.base.output import warn
from mcdrl.base.seeds import seed_for
from mcdrl.model.probability import single_pass_probability
from mcdrl.networks.inputs import SitesReader
from mcdrl.networks.interface import Batch, Method
from mcdrl.networks.presence import frame_losses
from mcdrl.study.sections.train import Params
from mcdrl.training.averaging import ValleyMean
from mcdrl.training.batch_statistics import average_statistics, batch_norms, share_buffers, taking_statistics
from mcdrl.training.checkpoint import TrainingProgress, snapshot
from mcdrl.training.data import Frames
from mcdrl.training.feed import Feed
from mcdrl.training.mining import Miners
from mcdrl.training.optimiser import rate_of_two, risen, set_rates
from mcdrl.training.patches import patch_losses
from mcdrl.training.selection import Epoch, best_validation_epoch

OnEpoch = Callable[[TrainingProgress], None]
Terms = Callable[[Method], dict[str, Tensor]]


def no_terms(_: Method) -> dict[str, Tensor]:
    """Return no terms of other frames."""
    return {}


@dataclass(frozen=True)
class ChosenWeights:
    """What a training ends with.

    Attributes:
        weights: the method's state, on the CPU.
        epoch: whose weights they are; of averaged ones the last that takes part.
        val_dice: mean Dice over the validation frames with a lesion, 0..1.
        averaged_steps: steps whose weights were averaged; 0: none were.
    """

    weights: dict[str, Tensor]
    epoch: int
    val_dice: float
    averaged_steps: int = 0


class LossOf(nn.Module):
    """A method as a function from a batch to the terms of its loss: one forward pass, as data parallelism wants it."""

    def __init__(self, method: Method, presence_weight: float = 0.0, hard_negative_weight: float = 0.0) -> None:
        """Wrap a method; the weights are of what acts on whole frames, see `mcdrl.networks.presence`."""
        super().__init__()
        self.method = method
        self.of_frames = partial(
            frame_losses, presence_weight=presence_weight, hard_negative_weight=hard_negative_weight
        )  # fmt: skip

    def forward(self, take: Callable[[], Batch], intervene: bool, more: Terms = no_terms) -> dict[str, Tensor]:
        """Return the weighted terms for the batch that `take()` gives; Fabric would refuse the frozen batch itself.

        Args:
            take: gives the batch.
            intervene: as in `Method.forward`.
            more: terms of other frames.
        """
        batch = take()
        output = self.method(batch, intervene=intervene)
        losses = {**self.method.losses(batch, output), **self.of_frames(self.method, batch, output)}
        return {**losses, **more(self.method)}


class Training:
    """One method, trained on the source frames."""

    def __init__(
        self, fabric: Fabric, method: Method, optimiser: AdamW, reader: SitesReader, frames: Frames, params: Params,
        seed: int, miners: Miners | None = None, flips: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Take all that a training is made of.

        Args:
            fabric: launched; knows the devices.
            method: to be trained, in place.
            optimiser: over the method's parameters, as `make_optimiser` gives it.
            reader: of the source sites.
            frames: which of them are for what.
            params: numbers.
            seed: of the order, the flips and the dropout.
            miners: select the regions, on the device; None: they are as stored.
            flips: in which ways training frames are mirrored.

        Raises:
            InputError: the frames can't be shown as is asked for, see `Feed`.
        """
        self.fabric, self.method, self.params, self.seed, self.optimiser = fabric, method, params, seed, optimiser
        self.feed = Feed(fabric, method, reader, frames, params, seed, miners, flips)
        if params.compile:
            method.compile()
        losses = LossOf(method, params.presence_weight, params.hard_negative_weight)
        module, wrapped = fabric.setup(losses, optimiser)
        self.module, self.wrapped_optimiser = module, wrapped
        self.steps = self.feed.steps
        self.own_blocks = [one for one in method.encoder_parameters() if one.requires_grad]
        self.head_first = _head_steps(params.head_first * self.steps, params.epochs * self.steps)
        self.first_choice = params.intervene_from if method.intervenes else 0
        self.not_averaged = max(self.head_first, self.first_choice * self.steps)  # steps, before the method is whole
        self.valley = ValleyMean(params.swad) if params.average == "swad" else None
        ends = [round(self.steps * part / params.swad.checks) for part in range(1, params.swad.checks)]
        self.checks = set(ends) - {0, self.steps}  # steps done in an epoch; behind its last is one, too
        kept = method.state_dict(keep_vars=True)  # by its names, from which wrappers of blocks are taken away
        self.fixed = {name for name, one in kept.items() if isinstance(one, nn.Parameter) and not one.requires_grad}

    def run(self, progress: TrainingProgress, on_epoch: OnEpoch) -> TrainingProgress:
        """Train the epochs that `progress` lacks; call `on_epoch` after each with the progress so far."""
        if self.valley:
            self.valley.load_state(progress.average)
        for epoch in range(len(progress.history), self.params.epochs):
            losses = self._epoch(epoch)
            record = Epoch(epoch, losses, self.validate(f"epoch {epoch + 1}/{self.params.epochs}, validation"))
            history = [*progress.history, record]
            best = snapshot(self.method) if self.best_epoch(history) == epoch else progress.best
            progress = TrainingProgress(history, best, self._checked(record))
            on_epoch(progress)
        return progress

    def chosen(self, progress: TrainingProgress) -> ChosenWeights:
        """Return the average's weights, which the method has then, or where there is none those of the best epoch."""
        average = self.valley.inside if self.valley else None
        if self.valley is None or average is None:
            if self.valley and self.fabric.is_global_zero:
                checks = len(self.valley.losses)
                warn(f"train.average: no valley in {checks} checks, so the best epoch's weights are taken")
            best = self.best_epoch(progress.history)
            return ChosenWeights(progress.best, best, progress.history[best].val_dice)
        self.method.load_state_dict({**self.method.state_dict(), **average.weights})
        self._renew_statistics()
        epoch = (self._checks_by(self.not_averaged) + self.valley.last) // self._checks_by(self.steps)
        return ChosenWeights(snapshot(self.method), epoch, self.validate("average, validation"), average.steps)

    def _renew_statistics(self) -> None:
        """Give normalisation that follows the batches the statistics of an epoch's frames; the rest keeps its own."""
        norms = batch_norms(self.method.train(), following=True)
        self.method.eval()
        if not norms:
            return
        with (
            taking_statistics(norms),
            closing(self.feed.labelled(self.params.epochs - 1, "average, statistics")) as seen,
        ):
            for batch in seen:
                with self.fabric.autocast():
                    single_pass_probability(self.method, batch)
        average_statistics(self.fabric, norms)

    def best_epoch(self, history: Sequence[Epoch]) -> int:
        """Return the epoch that the validation frames choose among those that show the method."""
        return best_validation_epoch(history, first=self.first_choice)

    def validate(self, label: str) -> float:
        """Return the mean Dice over the validation frames with a lesion, 0..1.

        Lesion is what has a probability of one half and more, whatever `evaluate.threshold` is: that belongs to the
        held-out site's scores, of which the choice of the epoch knows nothing. All processes have the first one's
        network, buffers and all, whose weights are kept.

        Args:
            label: what progress is shown as.
        """
        self.method.eval()
        share_buffers(self.fabric, self.method)
        counts = []
        with closing(self.feed.validation(label)) as read:
            for batch in read:
                with self.fabric.autocast():
                    found = single_pass_probability(self.method, batch) >= 0.5
                counts.append(_counts(found & batch.judged, batch.lesion))
        total = self._sum(_dice_sum(counts))
        return float(total[0] / total[1]) if total[1] else 0.0

    def _epoch(self, epoch: int) -> dict[str, float]:
        self.method.train()
        rank = self.fabric.global_rank
        torch.manual_seed(seed_for("train", self.seed, "dropout", epoch, rank))
        sums: dict[str, Tensor] = {}
        label = f"epoch {epoch + 1}/{self.params.epochs}"
        with closing(self.feed.labelled(epoch, label)) as seen, closing(self._more(epoch)) as others:
            for step, (batch, more) in enumerate(zip(seen, others, strict=True)):
                self._schedule(epoch * self.steps + step)
                for name, loss in self._step(batch, epoch, more).items():
                    sums[name] = sums.get(name, torch.zeros_like(loss)) + loss
                self._add_step(epoch, step + 1)
        return self._means(sums, epoch)

    def _add_step(self, epoch: int, done: int) -> None:
        """Add a step's weights to the average, and check them where a part of the epoch ends."""
        if self.valley is None or epoch * self.steps + done <= self.not_averaged:
            return
        self.valley.add({name: one for name, one in self.method.state_dict().items() if name not in self.fixed})
        if done in self.checks:
            self.valley.check(1 - self.validate(f"epoch {epoch + 1}/{self.params.epochs}, check"))
            self.method.train()

    def _checked(self, record: Epoch) -> dict[str, Tensor]:
        """Return the state of the average after an epoch, whose validation is a check."""
        if self.valley is None:
            return {}
        if (record.epoch + 1) * self.steps > self.not_averaged:
            self.valley.check(1 - record.val_dice)
        return self.valley.state()

    def _checks_by(self, done: int) -> int:
        """Return how many checks an average would have after so many steps."""
        epochs, rest = divmod(done, self.steps)
        return epochs * (len(self.checks) + 1) + sum(check <= rest for check in self.checks)

    def _schedule(self, done: int) -> None:
        """Set what depends on how many steps are done: rates, what of the encoder learns, and L_causal's share."""
        steps = self.params.epochs * self.steps
        set_rates(self.optimiser, rate_of_two(done, steps, self.params.warmup, self.head_first))
        for weight in self.own_blocks:
            weight.requires_grad_(done >= self.head_first)
        self.method.causal_share = self._causal_share(done)

    def _causal_share(self, done: int) -> float:
        first, rise = (round(epochs * self.steps) for epochs in (self.params.intervene_from, self.params.causal_rise))
        return risen(done - first, rise)

    def _more(self, epoch: int) -> Generator[Terms, None, None]:
        """Yield what gives the terms of frames that are shown without their masks, step by step."""
        if not self.feed.without_masks:
            yield from [no_terms] * self.steps
            return
        with closing(self.feed.unlabelled(epoch)) as read:
            for step, batch in enumerate(read):
                yield partial(self._patch_losses, epoch, step, batch)

    def _patch_losses(self, epoch: int, step: int, batch: Batch, method: Method) -> dict[str, Tensor]:
        params, place = self.params, ("train", self.seed, "patches", epoch, step, self.fabric.global_rank)
        contrast, intervene = epoch < params.patches.contrast_epochs, epoch >= params.intervene_from
        return patch_losses(
            method, batch, params.patches, contrast=contrast, intervene=intervene, seed=seed_for(*place)
        )

    def _step(self, batch: Batch, epoch: int, more: Terms) -> dict[str, Tensor]:
        self.wrapped_optimiser.zero_grad()
        losses: dict[str, Tensor] = self.module(lambda: batch, epoch >= self.params.intervene_from, more)
        self.fabric.backward(cast(Tensor, sum(losses.values())))
        self.fabric.clip_gradients(
            self.module, self.wrapped_optimiser, max_norm=self.params.clip_norm, error_if_nonfinite=False
        )
        self.wrapped_optimiser.step()
        return {name: loss.detach() for name, loss in losses.items()}

    def _means(self, sums: dict[str, Tensor], epoch: int) -> dict[str, float]:
        means = {name: float(self._sum(total)) / self.steps / self.fabric.world_size for name, total in sums.items()}
        lost = [name for name, value in means.items() if not math.isfinite(value)]
        if lost:
            raise InputError(
                f"training broke down: the loss term '{lost[0]}' became {means[lost[0]]} in epoch {epoch}; "
                f"lower train.lr ({self.params.lr}) or train.lr_encoder ({self.params.lr_encoder}) in params.yaml"
            )
        return means

    def _sum(self, value: Tensor) -> Tensor:
        """Return the sum over all processes; what one alone has stays where it is, as MPS knows no float64."""
        return value if self.fabric.world_size == 1 else cast(Tensor, self.fabric.all_reduce(value, reduce_op="sum"))


def _head_steps(wanted: float, steps: int) -> int:
    """Return in how many steps the head learns alone: one at least where any are wanted, and not in all."""
    return min(max(round(wanted), 1), steps - 1) if wanted else 0


def _counts(lesion: Tensor, truth: Tensor) -> Tensor:
    """Return pixels of overlap, of answer and of lesion, [3, B] long, on the device."""
    found, there = lesion.flatten(1), truth.flatten(1)
    return torch.stack([(found & there).sum(1), found.sum(1), there.sum(1)])


def _dice_sum(counts: Sequence[Tensor]) -> Tensor:
    """Return the sum of Dice over the frames with a lesion, and their number, [2] float64, on the CPU."""
    total = torch.zeros(2, dtype=torch.float64)
    for overlap, found, there in (batch.cpu().double() for batch in counts):
        dice = 2 * overlap / (found + there).clamp(min=1)
        total += torch.stack([dice[there > 0].sum(), (there > 0).sum().double()])
    return total
