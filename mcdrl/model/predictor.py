"""What `mcdrl predict` says of a frame beside its mask: how far to trust it, and which confounders it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mcdrl.base.errors import InputError
from mcdrl.base.view_rule import ViewRule
from mcdrl.confounders.scores import LIMIT, zero_shot_scores
from mcdrl.metrics.calibration import calibrated, confidence, spectrum
from mcdrl.metrics.counts import Bools
from mcdrl.metrics.operating_point import OperatingPoint, joint_scores
from mcdrl.model.ensemble import Ensemble, load_ensemble
from mcdrl.model.facts import read_facts
from mcdrl.model.folder import LoadedModel
from mcdrl.model.held_out import further_sizes_of
from mcdrl.model.members import members
from mcdrl.model.probability import Probabilities

Array = np.ndarray[Any, np.dtype[Any]]
RANDOM_WEIGHTS = "warning: a backbone has RANDOM weights; these masks mean nothing"
_BATCH_CPU = 4  # the fastest on CPUs, whose caches larger ones leave
_BATCH_GPU = 64  # at most; more gains nothing
_SHARE_OF_MEMORY = 0.5


@dataclass(frozen=True)
class ModelAnswer:
    """What one of the networks says of a frame.

    Attributes:
        probability: [S, S] float32, of lesion.
        presence: of the frame having a lesion, 0..1, by its presence head; None: it has none.
    """

    probability: Array
    presence: float | None = None


@dataclass(frozen=True)
class Answer:
    """What the networks say of one frame.

    Attributes:
        parts: what each model says, at least one.
        images: the image feature by each model's encoder, [D] float32 each; [0] where the encoder didn't run.
    """

    parts: tuple[ModelAnswer, ...]
    images: tuple[Array, ...] = ()

    @cached_property
    def probability(self) -> Array:
        """Of lesion, [S, S] float32, mean over the models."""
        first, *others = [part.probability for part in self.parts]
        mean: Array = np.mean([first, *others], axis=0) if others else first
        return mean

    def score(self, judged: Bools | None = None) -> float:
        """Return how much the frame looks as if it had a lesion, 0..1; see `mcdrl.metrics.operating_point`.

        Args:
            judged: [S, S], where the mask says lesion or background; None: everywhere.
        """
        known = np.ones(self.parts[0].probability.shape, bool) if judged is None else judged
        said = [
            (one.probability[None], None if one.presence is None else np.array([one.presence])) for one in self.parts
        ]
        return float(joint_scores(said, known[None])[0])


@dataclass(frozen=True)
class Assessment:
    """What follows from an answer.

    Attributes:
        confidence: 0..1.
        flagged: whether it is below the models' limit.
        confounder_scores: confounder -> standard deviations above the training frames' mean; mean over the models that
            know; empty where none does.
        frame_score: how much the frame looks as if it had a lesion, 0..1; see `mcdrl.metrics.operating_point`.
    """

    confidence: float
    flagged: bool
    confounder_scores: Mapping[str, float]
    frame_score: float

    @property
    def seen(self) -> list[str]:
        """The confounders that the frame shows, the clearest first."""
        return [name for name, score in self.ranked if score >= LIMIT]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """All confounders with their scores, the highest first."""
        return sorted(self.confounder_scores.items(), key=lambda pair: -pair[1])


class Predictor:
    """Trained models that answer frame by frame.

    The networks are always given full batches, short ones filled up with copies: the last digits of a sum depend on the
    batch's size, so a frame gets the same mask alone or among a thousand.

    Attributes:
        size_px: side of the frames that it takes.
        further_px: sides to which it brings them, to be asked there, too.
        batch_size: frames at a time.
        temperature: of the mean probability: the geometric mean over the models.
        flag_below: confidence below which a frame is flagged: the mean over the models.
        operating_point: what a frame has to reach to have a lesion: the mean over the models.
        random_weights: whether one of the encoders was never pretrained.
        n_networks: that answer together.
    """

    def __init__(self, ensemble: Ensemble, batch_size: int | None = None, *, confounders: bool = False) -> None:
        """Take the models.

        Args:
            ensemble: of the models.
            batch_size: frames at a time; None: what suits the device and fits its memory.
            confounders: whether to run the frozen encoder to score them even where no model reads its features.
        """
        cards = [member.model.card for member in ensemble.members]
        self._ensemble, self.size_px, self._confounders = ensemble, ensemble.size_px, confounders
        self.further_px, self.n_networks = ensemble.further_px, len(ensemble.members)
        self.batch_size, self.random_weights = batch_size or fitting_batch(ensemble), ensemble.random_weights
        self.temperature = float(np.exp(np.mean([np.log(card.temperature) for card in cards])))
        self.flag_below = float(np.mean([card.flag_below for card in cards]))
        self.operating_point = OperatingPoint(
            float(np.mean([card.no_lesion_below for card in cards])),
            float(np.mean([card.least_area_share for card in cards])),
        )

    def __call__(self, frames: Array) -> list[Answer]:
        """Segment up to `batch_size` frames, [B, S, S, 3] uint8, RGB, squashed to `size_px`."""
        filled = np.concatenate([frames, np.repeat(frames[-1:], self.batch_size - len(frames), axis=0)])
        said, images = [], []
        for found, batch in self._ensemble.answers(filled, always_encode=self._confounders):
            said.append(_by_frame(found))
            images.append(batch.encoded.image_embedding.cpu().numpy())
        by_frame = list(zip(*said, strict=True))[: len(frames)]
        return [Answer(parts, tuple(image[index] for image in images)) for index, parts in enumerate(by_frame)]

    def assess(self, answer: Answer) -> Assessment:
        """Say how far an answer can be trusted and what the frame looks like."""
        counts = spectrum(answer.probability[None])
        trust, score = float(confidence(counts, self.temperature)[0]), answer.score()
        models = [member.model for member in self._ensemble.members]
        return Assessment(trust, trust < self.flag_below, _confounder_scores(models, answer.images), score)

    def calibrated(self, raw: Array) -> Array:
        """Return probabilities, of any shape, that say how often such a pixel is lesion."""
        return calibrated(raw, self.temperature)


def _by_frame(said: Probabilities) -> list[ModelAnswer]:
    maps = said.lesion.cpu().numpy()
    there: Sequence[float | None] = [None] * len(maps) if said.presence is None else said.presence.cpu().tolist()
    return [ModelAnswer(*one) for one in zip(maps, there, strict=True)]


def load_predictor(
    models: Sequence[Path], backbone: Path | None, device: str, batch_size: int | None, view: ViewRule | None,
    *, confounders: bool = False, sizes_px: Sequence[int] | None = None,
) -> tuple[Predictor, ViewRule]:  # fmt: skip
    """Load the models and settle what of a frame is looked at, and at which sizes; arguments as on the command line.

    None: nothing said, so that the models' own rule holds, and the sizes at which they were judged.

    Raises:
        InputError: a model can't be loaded or asked at these sizes or on this device, or models disagree on the view
            or on what was asked of them, and nobody has said what to do.
    """
    further_px = further_sizes_of(models) if sizes_px is None else _further(models, sizes_px)
    ensemble = load_ensemble(models, backbone, device, further_px)
    rules = {member.model.card.view for member in ensemble.members}
    if view is None and len(rules) > 1:
        raise InputError("the models differ in what of a frame they look at; say --view auto or --view full")
    return Predictor(ensemble, batch_size, confounders=confounders), view or rules.pop()


def _further(models: Sequence[Path], sizes_px: Sequence[int]) -> list[int]:
    """Return the sizes beside the models' working size, which has to be among them."""
    own = read_facts(members(models[0])[0]).size_px
    if own not in sizes_px:
        asked = ", ".join(map(str, sizes_px))
        raise InputError(f"sizes {asked}: the models' working size, {own} px, is always asked; add it")
    return [side for side in sizes_px if side != own]


def fitting_batch(ensemble: Ensemble) -> int:
    """Return how many frames to give at a time: a few on a CPU; on a GPU what half of its free memory holds."""
    device = next(ensemble.members[0].encoder.parameters()).device
    if device.type != "cuda":
        return _BATCH_CPU
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    ensemble.probability(np.zeros((1, ensemble.size_px, ensemble.size_px, 3), np.uint8))
    needed = max(torch.cuda.max_memory_allocated(device) - before, 1)
    free, _ = torch.cuda.mem_get_info(device)
    return int(np.clip(_SHARE_OF_MEMORY * free / needed, 1, _BATCH_GPU))


def _confounder_scores(models: Sequence[LoadedModel], images: Sequence[Array]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for model, image in zip(models, images, strict=True):
        reference = model.card.reference
        if reference is not None and image.size:
            z = model.texts.confounders.cpu().numpy()
            scores = zero_shot_scores(image[None], z, reference)[0]
            for name, score in zip(model.card.confounders, scores, strict=True):
                found.setdefault(name, []).append(float(score))
    return {name: float(np.mean(scores)) for name, scores in found.items()}
