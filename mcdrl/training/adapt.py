"""A trained model goes on learning from a few labelled frames of one new site, and forgets little.

Three things hold it back: frames of the sites that it comes from are replayed in every step, rates are a share of those
that it was trained with, and each step pulls the weights back towards where they began (L2-SP, Li et al., ICML 2018; as
AdamW's decay, apart from the gradient). Loss and variation of the frames are those of its own training; frames without
masks, healthy views, erased lesions, several sizes and balanced sampling play no part, whatever that had of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor
from torch.optim import AdamW

from mcdrl.artifacts.frames import lesion_of
from mcdrl.base.errors import InputError
from mcdrl.base.parallel import batches
from mcdrl.base.runtime import progress
from mcdrl.base.section import sentences
from mcdrl.base.seeds import generator, seed_for
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.imaging.flips import flipped
from mcdrl.metrics.counts import Bools, Ints
from mcdrl.model.ensemble import Ensemble, Member
from mcdrl.model.network import batch_of_frames, encoded, reads_features
from mcdrl.model.predictor import Answer, Predictor
from mcdrl.networks.inputs import with_masks
from mcdrl.networks.interface import Batch
from mcdrl.study.params import load
from mcdrl.study.paths import PARAMS, shipped
from mcdrl.study.sections.train import Params
from mcdrl.study.variants import merged
from mcdrl.training.augment import augmented
from mcdrl.training.checkpoint import snapshot
from mcdrl.training.flips import drawn
from mcdrl.training.loop import LossOf
from mcdrl.training.optimiser import make_optimiser, rate, set_rates

State = dict[str, Tensor]
_FLIPS = ("horizontal",)  # what `train.flips` stands for; the card doesn't tell which ways the study encoded
_ASKED = ("lr", "lr_encoder", "warmup", "clip_norm", "flips", "views", "augment", "flag_share", "keep_share")
_OF_LATER = ("hard_negative_weight", "presence_weight")  # that an older model's card may lack: it was trained without
_AT_ONCE = 8  # frames that are answered for at a time


@dataclass(frozen=True, eq=False)
class LabelledFrames:
    """Frames of one or several sites as a model is shown them, with their masks.

    Attributes:
        images: [n, S, S, 3] uint8, RGB 0..255, the view squashed to the model's size.
        masks: [n, S, S] uint8, likewise: 0 background, k + 1 lesion of class k, 255 ignored.
        lesion_class: [n] int64, index into the model's lesion classes; -1: no lesion.
        groups: [n] str, the patient, sequence or scene of each frame.
        site: [n] int64, the number of its site.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    lesion_class: Ints
    groups: NDArray[np.str_]
    site: Ints

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.images)

    def take(self, which: Any) -> LabelledFrames:
        """Return some of the frames, by their places or by a mask over all."""
        return LabelledFrames(*(part[which] for part in vars(self).values()))

    @property
    def has_lesion(self) -> Bools:
        """Whether each mask has a lesion, [n]."""
        return np.asarray(lesion_of(self.masks).any(axis=(1, 2)))

    @property
    def vanished(self) -> Bools:
        """Whether each frame has a lesion of which no pixel is in its mask, as it is too small for it, [n]."""
        return np.asarray((self.lesion_class >= 0) & ~self.has_lesion)


def joined(parts: Sequence[LabelledFrames]) -> LabelledFrames:
    """Return the frames of several sites as one."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return LabelledFrames(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class AdaptationRecipe:
    """How far a model is led away from where it began.

    Attributes:
        steps: of the optimiser.
        batch_size: frames a step.
        replay_share: of these, that come from the sites that the model was trained on, where such frames are at hand.
        rate_share: highest learning rates as a share of those of the model's training.
        anchor: share of its way from the start by which each step at the highest rate pulls a weight back.
    """

    steps: int
    batch_size: int
    replay_share: float
    rate_share: float
    anchor: float


RECIPE = AdaptationRecipe(steps=40, batch_size=16, replay_share=0.5, rate_share=0.3, anchor=0.01)
"""Our choice, tried on polypgen_c4 alone; `docs/how-to/adapt.md` shows what it does elsewhere."""


def training_params(member: Member) -> Params:
    """Return how a model was trained, as far as adapting asks; the rest plays no part and is as shipped.

    Raises:
        InputError: its card doesn't say so.
    """
    card = member.model.card
    lacking = [key for key in _ASKED if key not in card.parameters]
    if lacking:
        raise InputError(
            f"the card of {card.variant} (seed {card.seed}) doesn't say how it was trained (no parameters."
            f"{lacking[0]}), so it can't be adapted; train it anew with this version"
        )
    _, rest = load("train", Params, shipped() / PARAMS)
    known = {key: card.parameters[key] for key in (*_ASKED, *_OF_LATER) if key in card.parameters}
    try:
        return Params.model_validate(merged(rest.model_dump(), known))
    except ValidationError as error:
        problem = sentences(error, "parameters.", Params)[0]
    raise InputError(f"the card of {card.variant} (seed {card.seed}): {problem}; copy the model's folder again")


def adapt(
    member: Member, own: LabelledFrames, replay: LabelledFrames | None, recipe: AdaptationRecipe, seed: int
) -> State:
    """Train a model's network on, in place, and return its state on the CPU; it is left in evaluation mode.

    Args:
        member: the model as it is now, on its device.
        own: frames of the new site, at least one.
        replay: of the sites that it was trained on; None: none are at hand.
        recipe: numbers.
        seed: of order, variation and dropout.
    """
    params, method = training_params(member), member.model.method
    rates = {name: recipe.rate_share * getattr(params, name) for name in ("lr", "lr_encoder")}
    optimiser = make_optimiser(method, params.model_copy(update={**rates, "weight_decay": 0.0}))
    starts = [[weight.detach().clone() for weight in group["params"]] for group in optimiser.param_groups]
    own_size = recipe.batch_size - (0 if replay is None else round(recipe.replay_share * recipe.batch_size))
    parts = [(own, own_size, "own")] + [(replay, recipe.batch_size - own_size, "replay")] * (replay is not None)
    drawings = [_drawn(frames, recipe.steps, size, seed, what) for frames, size, what in parts if frames and size]
    losses = LossOf(method, params.presence_weight, params.hard_negative_weight)
    losses.train()
    device = next(method.parameters()).device
    with torch_seeded(seed_for("adapt", seed, "dropout"), device):
        for step, drawing in enumerate(progress(zip(*drawings, strict=True), "adapting", recipe.steps)):
            set_rates(optimiser, rate(step, recipe.steps, params.warmup))
            _step(losses, optimiser, _varied(member, joined(drawing), params, seed, step), params.clip_norm)
            _pull_back(optimiser, starts, recipe.anchor)
    method.eval()
    return snapshot(method)


def answers(members: Sequence[Member], frames: LabelledFrames, further_px: Sequence[int] = ()) -> Iterator[Answer]:
    """Yield what models say together of each frame, not calibrated.

    Args:
        members: models that answer together.
        frames: at working size.
        further_px: sizes at which each is asked beside it.
    """
    predictor = Predictor(Ensemble(members, random_weights=False, further_px=further_px), _AT_ONCE)
    for places in batches(range(len(frames)), _AT_ONCE):
        yield from predictor(frames.images[places])


def _drawn(frames: LabelledFrames, steps: int, size: int, seed: int, what: str) -> Iterator[LabelledFrames]:
    """Yield so many batches; every frame comes once before any comes again."""
    draw, rest = generator("adapt", seed, what), np.zeros(0, np.int64)
    for _ in range(steps):
        while len(rest) < size:
            rest = np.concatenate([rest, draw.permutation(len(frames))])
        yield frames.take(rest[:size])
        rest = rest[size:]


def _varied(member: Member, frames: LabelledFrames, params: Params, seed: int, step: int) -> Batch:
    """Return frames as the model's own training would show them: mirrored, and seen from elsewhere where it can be."""
    flips = drawn(len(frames), _FLIPS if params.flips else (), "adapt", seed, step)
    images, masks = (
        np.concatenate([flipped(one[None], flip) for one, flip in zip(rows, flips, strict=True)])
        for rows in (frames.images, frames.masks)
    )
    batch = _batch(member, replace(frames, images=images, masks=masks))
    if not params.views or member.model.method.trunk.needs_features:
        return batch
    return augmented(batch, params.views, seed_for("adapt", seed, "augment", step), params.augment)


def _batch(member: Member, frames: LabelledFrames) -> Batch:
    device = next(member.encoder.parameters()).device
    images = torch.from_numpy(frames.images).to(device)
    with torch.no_grad():
        features = encoded(member.encoder, images) if reads_features(member.model) else None
    batch = batch_of_frames(images, features, member.model)
    return with_masks(batch, frames.masks, frames.lesion_class.tolist(), frames.site.tolist())


def _step(losses: LossOf, optimiser: AdamW, batch: Batch, clip_norm: float) -> None:
    optimiser.zero_grad()
    total = cast(Tensor, sum(losses(lambda: batch, intervene=True).values()))
    if not bool(torch.isfinite(total)):
        raise InputError(f"adapting broke down: the loss became {float(total)}; lower --rate")
    torch.autograd.backward(total)
    torch.nn.utils.clip_grad_norm_(losses.parameters(), clip_norm)
    optimiser.step()


def _pull_back(optimiser: AdamW, starts: Sequence[Sequence[Tensor]], anchor: float) -> None:
    with torch.no_grad():
        for group, start in zip(optimiser.param_groups, starts, strict=True):
            share = anchor * group["lr"] / group["peak_lr"]
            for weight, began in zip(group["params"], start, strict=True):
                weight.lerp_(began, share)
