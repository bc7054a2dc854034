"""One or several trained models with their encoders: frames in, probabilities of lesion out.

Encoder, region mining and method run with the very code that the stages run, so a frame gets here the probability that
the pipeline would give it. Models of one backbone share its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mcdrl.base.device import pick_device
from mcdrl.base.errors import InputError
from mcdrl.clip.card import read_stored
from mcdrl.clip.encoder import Encoded, Encoder
from mcdrl.clip.load import load_encoder
from mcdrl.model.bundle import find_backbone
from mcdrl.model.card import read_card
from mcdrl.model.facts import CARD
from mcdrl.model.folder import LoadedModel, load_model
from mcdrl.model.members import members
from mcdrl.model.network import FurtherSizes, batch_of_frames, encoded, reads_features
from mcdrl.model.probability import Probabilities, probabilities
from mcdrl.networks.interface import Batch

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Member:
    """A model and the encoder whose features it takes; members of one backbone hold the same encoder."""

    model: LoadedModel
    encoder: Encoder


class Ensemble:
    """Trained models that answer together or each by itself.

    Attributes:
        members: at least one.
        size_px: side of the frames that they take.
        further_px: sides at which each is asked beside.
        random_weights: whether one of the encoders was never pretrained.
        leaked_frames: the most frames of its held-out site that one of the models was trained on.
    """

    def __init__(self, members: Sequence[Member], *, random_weights: bool, further_px: Sequence[int] = ()) -> None:
        """Take the members, all on one device, and the sizes at which each is asked beside the working size.

        Raises:
            InputError: they take frames of different sizes, or can't be asked at these.
        """
        sizes = sorted({member.model.card.size_px for member in members})
        if len(sizes) > 1:
            raise InputError(f"the models take frames of {' and '.join(map(str, sizes))} px; give models of one size")
        self.members, self.size_px, self.random_weights = tuple(members), sizes[0], random_weights
        self.leaked_frames = max((member.model.card.leaked_frames for member in members), default=0)
        self.further_px = tuple(further_px)
        self._sizes = [FurtherSizes(member.model, member.encoder, further_px) for member in members]

    def answers(self, frames: Array, *, always_encode: bool = False) -> Iterator[tuple[Probabilities, Batch]]:
        """Yield what each model says, with what its method took at working size, by which presence is judged alone.

        Args:
            frames: as those of `batches`.
            always_encode: likewise.

        Raises:
            InputError: as `batches`.
        """
        batches = self.batches(frames, always_encode=always_encode)
        for sizes, (model, batch) in zip(self._sizes, batches, strict=True):
            with model.running():
                found = probabilities(model.method, batch)
                mean = sizes.mean(found.lesion, batch)
            yield replace(found, lesion=mean), batch

    def batches(self, frames: Array, *, always_encode: bool = False) -> Iterator[tuple[LoadedModel, Batch]]:
        """Yield each model with what its method takes at working size; each encoder runs once at most.

        Args:
            frames: [B, S, S, 3] uint8, RGB, squashed to `size_px`.
            always_encode: whether the frozen encoder also runs for models that don't read its features.

        Raises:
            InputError: a feature isn't finite, so that the backbone's weights can't be right.
        """
        found: dict[int, Encoded] = {}
        with torch.inference_mode():
            for member in self.members:
                device = next(member.encoder.parameters()).device
                given = torch.from_numpy(frames).to(device)
                if not (always_encode or reads_features(member.model)):
                    yield member.model, batch_of_frames(given, None, member.model)
                    continue
                if id(member.encoder) not in found:
                    found[id(member.encoder)] = _finite(encoded(member.encoder, given))
                yield member.model, batch_of_frames(given, found[id(member.encoder)], member.model)

    def each(self, frames: Array) -> Array:
        """Segment B frames by every model.

        Args:
            frames: [B, S, S, 3] uint8, RGB, squashed to `size_px`.

        Returns:
            [members, B, S, S] float32, the probability of lesion, 0..1.
        """
        return np.stack([found.lesion.cpu().numpy() for found, _ in self.answers(frames)])

    def probability(self, frames: Array) -> Array:
        """Return the mean over the models of `each`, [B, S, S] float32."""
        mean: Array = self.each(frames).mean(0)
        return mean


def _finite(features: Encoded) -> Encoded:
    if not bool(torch.isfinite(features.dense).all()):
        raise InputError(
            "the encoder's features aren't finite in float16, so the backbone's weights are damaged or of another "
            "model; run `dvc repro backbone -f`, or supply other weights"
        )
    return features


def _check_features(member: Member, folder: Path) -> None:
    """Raise InputError where the encoder gives a frame other features than the model's card counts on."""
    card, encoder = member.model.card, member.encoder
    blank = torch.zeros(1, encoder.size_px, encoder.size_px, 3, dtype=torch.uint8)
    with torch.inference_mode():
        features = encoded(encoder, blank.to(next(encoder.parameters()).device))
    _, width, *grid = map(int, features.dense.shape)
    channels = {tap: int(values.shape[1]) for tap, values in features.maps.items()}
    mined_by = card.mined_by
    wanted = {"spec.width": card.spec.width, **_by_tap("spec.map_channels", card.spec.map_channels)}
    found = {"spec.width": width, **_by_tap("spec.map_channels", channels)}
    if mined_by is not None:
        wanted |= {"mined_by.grid": mined_by.grid, **_by_tap("mined_by.channels", mined_by.channels)}
        found |= {"mined_by.grid": grid, **_by_tap("mined_by.channels", channels)}
    for name, value in wanted.items():
        if found.get(name) != value:
            raise InputError(
                f"{folder / CARD}: {name} is {value}, but the backbone gives {found.get(name, 'no such map')}; "
                "copy the folder again, or run `dvc repro train`"
            )


def _by_tap(key: str, channels: Mapping[str, int]) -> dict[str, object]:
    return {f"{key}.{tap}": count for tap, count in channels.items()}


def _each_once(models: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders of all networks; raises InputError where one was given before, itself or as a copy."""
    given: dict[str, Path] = {}
    for folder in models:
        own = {read_card(model).weights_sha256 or str(model.resolve()): model for model in members(folder)}
        for weights in own.keys() & given.keys():
            raise InputError(
                f"{own[weights]} is the network of {given[weights]} again; name it once, or it counts twice"
            )
        given |= own
        yield from members(folder)


def load_ensemble(
    models: Sequence[Path], backbone: Path | None, device: str, further_px: Sequence[int] = ()
) -> Ensemble:
    """Load trained models and the backbones that they were trained with.

    Args:
        models: folders of models or of ensembles, at least one.
        backbone: the folder that `backbone` wrote; None: in the models' folders, else in their study.
        device: auto, cpu, cuda, ...
        further_px: sizes at which each is asked beside the working size.

    Raises:
        InputError: a file is missing or damaged, a network is given twice, a model belongs to another backbone, or
            can't be asked at these sizes or on this device.
    """
    where = pick_device(device)
    if where.type == "meta":
        raise InputError(f"--device {device} can't be used here (it holds no numbers); use auto or cpu")
    encoders: dict[tuple[str, str], Encoder] = {}
    loaded_members, random_weights = [], False
    for model in _each_once(models):
        card = read_card(model)
        folder = find_backbone(model, card.fingerprint, backbone)
        key = (card.fingerprint, card.dense_mode)
        if key not in encoders:
            encoders[key] = load_encoder(folder, card.dense_mode).to(where).eval()
        loaded = load_model(model, folder)
        loaded.to(where)
        loaded_members.append(Member(loaded, encoders[key]))
        _check_features(loaded_members[-1], model)
        random_weights |= read_stored(folder).pretrained == "random"
    return Ensemble(loaded_members, random_weights=random_weights, further_px=further_px)
