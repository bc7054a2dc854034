"""The whole way from a frame to its probability of lesion as tensors on one device: encoder, region mining, method."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mcdrl.base.device import unrounded
from mcdrl.base.errors import InputError
from mcdrl.clip.encoder import SIDES_PX, Encoded, Encoder, unit
from mcdrl.clip.encoding import squashed
from mcdrl.methods import has_own_encoder
from mcdrl.model.folder import LoadedModel
from mcdrl.model.probability import lesion, of_output
from mcdrl.model.resampling import resized
from mcdrl.networks.exposure import lifted
from mcdrl.networks.interface import Batch
from mcdrl.regions.grid import best_places
from mcdrl.regions.zero_shot import SHARPNESS, places_kept


class Network(nn.Module):
    """One encoder and one model, as a single module; what `mcdrl export` writes."""

    def __init__(self, encoder: Encoder, model: LoadedModel, further_px: Sequence[int] = ()) -> None:
        """Take both, on one device and in evaluation mode, and the sizes beside the working size.

        Raises:
            InputError: the model can't be asked at these sizes.
        """
        super().__init__()
        self.encoder, self.method = encoder, model.method
        self._model, self.miner = model, model.miner
        self._sizes = FurtherSizes(model, encoder, further_px)

    def forward(self, frames: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Segment frames.

        Args:
            frames: [B, S, S, 3] uint8, RGB, squashed to the model's size.

        Returns:
            [B, S, S] float32, the probability of lesion, 0..1; where the method has a presence head, beside it [B]
            float32, the probability that a frame has one, by the working size alone.
        """
        features = encoded(self.encoder, frames) if reads_features(self._model) else None
        batch = batch_of_frames(frames, features, self._model)
        found = of_output(self.method, self.method(batch, intervene=True))
        mean = self._sizes.mean(found.lesion, batch)
        return mean if found.presence is None else (mean, found.presence)


class FurtherSizes:
    """Asks a model for the same frames at sizes beside the working size, and takes the mean of all answers.

    The frames are enlarged or reduced from the working size: what helps is mostly the scale at which a network looks,
    not more detail (docs/results.md), so no larger frames are kept.
    """

    def __init__(self, model: LoadedModel, encoder: Encoder, sizes_px: Sequence[int]) -> None:
        """Take a model, its encoder on the same device, and the sizes; none: nothing is asked beside.

        Raises:
            InputError: the model can't be asked at these sizes.
        """
        if sizes_px:
            _check_sizes(model, encoder, sizes_px)
        self._model, self._encoder, self._sizes_px = model, encoder, tuple(sizes_px)

    def mean(self, answer: Tensor, batch: Batch) -> Tensor:
        """Return the mean of an answer at working size, [B, S, S] in 0..1, and those at the further sizes.

        Args:
            answer: the probability of lesion.
            batch: what it is for.
        """
        with torch.no_grad():
            return torch.stack([answer, *(self._answer(batch.frame, side_px) for side_px in self._sizes_px)]).mean(0)

    def at(self, frame: Tensor, side_px: int) -> Batch:
        """Return what the model's method takes of frames, [B, 3, S, S] float in 0..1, at another side."""
        there = resized(frame, side_px, "bicubic").clamp(0, 1)
        features = _encoded(self._encoder, there, side_px) if reads_features(self._model) else None
        return _batch(there, features, self._model, encoder_px=side_px)

    def _answer(self, frame: Tensor, side_px: int) -> Tensor:
        output = self._model.method(self.at(frame, side_px), intervene=True)
        return resized(lesion(output)[:, None], int(frame.shape[-1]), "bilinear")[:, 0]


def _check_sizes(model: LoadedModel, encoder: Encoder, sizes_px: Sequence[int]) -> None:
    card = model.card
    reasons = [
        (not set(sizes_px) <= set(SIDES_PX), f"expected multiples of {SIDES_PX.step} px up to {SIDES_PX[-1]}"),
        (card.size_px in sizes_px, f"{card.size_px} px is the working size, which is always asked"),
        (model.miner is not None, "its regions are mined by a network that was fitted at the working size"),
        (card.spec.dark_below > 0 and reads_features(model), "its regions are mined of frames that aren't lifted"),
    ]
    if not has_own_encoder(card.method):
        reasons += [
            (not encoder.resizes, f"its backbone {card.backbone} takes frames of {encoder.size_px} px alone"),
            (card.size_px != encoder.size_px, f"it was trained on frames of {card.size_px} px, which its backbone sees "
                                              f"at {encoder.size_px} px"),
        ]  # fmt: skip
    found = [reason for holds, reason in reasons if holds]
    if found:
        raise InputError(
            f"'{card.variant}' can't be asked at {', '.join(map(str, sizes_px))} px beside: {found[0]}; change "
            "evaluate.further_sizes_px or --sizes"
        )


def encoded(encoder: Encoder, frames: Tensor) -> Encoded:
    """Encode frames, [B, S, S, 3] uint8 on the encoder's device; float32, rounded as the stored features are."""
    return _encoded(encoder, pixels(frames), encoder.size_px)


def _encoded(encoder: Encoder, frame: Tensor, side_px: int) -> Encoded:
    """Encode frames, [B, 3, S, S] float in 0..1, which the encoder sees at the given side."""
    with torch.autocast(frame.device.type, torch.bfloat16, enabled=frame.device.type == "cuda"):
        found = encoder.encode(squashed(frame, side_px))
    return Encoded(
        dense=_rounded(found.dense),
        image_embedding=_rounded(found.image_embedding),
        maps={tap: _rounded(grid) for tap, grid in found.maps.items()},
        prefix=_rounded(found.prefix),
    )


def reads_features(model: LoadedModel) -> bool:
    """Return whether a model's answer rests on the frozen encoder's features; else it looks at the pixels alone."""
    return model.method.trunk.needs_features or model.method.uses_regions


def batch_of_frames(frames: Tensor, features: Encoded | None, model: LoadedModel) -> Batch:
    """Mine the regions by a model's class texts, or by its miner, and return what its method takes.

    Args:
        frames: [B, S, S, 3] uint8.
        features: of the frames, by the model's own encoder; None: the model doesn't read them.
        model: on the same device.
    """
    return _batch(lifted(pixels(frames), model.method.dark_below), features, model, encoder_px=None)


def _batch(frame: Tensor, features: Encoded | None, model: LoadedModel, *, encoder_px: int | None) -> Batch:
    """Do what `batch_of_frames` does with frames, [B, 3, S, S] float in 0..1; `encoder_px` as in `Batch`."""
    if features is None:
        features = _nothing(frame)
        similarity = torch.zeros_like(frame[:, 0, :1, :1])
        selected, kept = torch.ones_like(similarity, dtype=torch.bool), 1
    elif model.miner is None:
        image = features.image_embedding if model.card.text_similarity == "feature_surgery" else None
        texts = model.texts
        similarity, selected = mined(features.dense, texts.classes, model.card.alpha, texts.background, image)
        kept = places_kept(int(selected.shape[1]), int(selected.shape[2]), model.card.alpha)
    else:
        (similarity, selected), kept = model.miner.regions(features.maps), model.miner.kept
    return Batch(
        frame=frame,
        encoded=features,
        similarity=similarity,
        selected=selected,
        kept=kept,
        mask=torch.zeros_like(frame[:, 0], dtype=torch.long),
        lesion_class=torch.full_like(frame[:, 0, 0, 0], -1, dtype=torch.long),
        encoder_px=encoder_px,
    )


def _nothing(frame: Tensor) -> Encoded:
    empty = frame.new_zeros(len(frame), 0)
    return Encoded(dense=empty[:, :, None, None], image_embedding=empty, maps={}, prefix=empty)


def mined(
    dense: Tensor, classes: Tensor, alpha: float, background: Tensor | None = None, image: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Select the target regions as `mcdrl.regions.zero_shot.mine` does, on the device, in float32 under autocast, too.

    Args:
        dense: [B, D, H, W] float, joint space.
        classes: [K, D] float, class texts in joint space.
        alpha: share of the places that is kept, above 0 up to 1.
        background: [D] float, the text of what is no lesion; None: the paper's similarity.
        image: [B, D] float, the frames as a whole, by which feature surgery weighs the texts; None: cosines.

    Returns:
        [B, H, W] float32, S^ rounded to float16; and [B, H, W] bool, the kept places.
    """
    with unrounded(dense.device):
        similarity = _rounded(_similarity(dense.float(), classes, background, image))
    height, width = map(int, dense.shape[2:])
    return similarity, best_places(similarity, places_kept(height, width, alpha))


def _similarity(dense: Tensor, classes: Tensor, background: Tensor | None, image: Tensor | None) -> Tensor:
    places, texts = unit(dense.permute(0, 2, 3, 1), -1), unit(classes.to(dense.device), -1)
    other = None if background is None else unit(background.to(dense.device), -1)
    if image is not None:
        every = texts if other is None else torch.vstack([texts, other])
        return _feature_surgery(places, every, unit(image.float(), -1))[..., : len(texts)].amax(-1)
    best = (places @ texts.T).amax(-1)
    return best if other is None else best - places @ other


def _feature_surgery(places: Tensor, texts: Tensor, image: Tensor) -> Tensor:
    """Do what `mcdrl.regions.zero_shot.feature_surgery` does, on the device."""
    likeness = (SHARPNESS * (image @ texts.T)).exp()
    weight = likeness / likeness.mean(1, keepdim=True)
    weighed = (places @ texts.T) * weight[:, None, None]
    return weighed - weighed.mean(-1, keepdim=True)


def pixels(frames: Tensor) -> Tensor:
    """Return frames [B, S, S, 3] uint8 as [B, 3, S, S] float32 in 0..1."""
    return frames.permute(0, 3, 1, 2).float() / 255


def _rounded(values: Tensor) -> Tensor:
    return values.half().float()
