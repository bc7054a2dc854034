"""The whole way from a frame to its probability of lesion as tensors on one device: encoder, region mining, method."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mcdrl.clip.encoder import Encoded, Encoder, unit
from mcdrl.clip.encoding import squashed
from mcdrl.model.folder import LoadedModel
from mcdrl.model.probability import lesion
from mcdrl.networks.interface import Batch
from mcdrl.regions.grid import best_places
from mcdrl.regions.zero_shot import places_kept


class Network(nn.Module):
    """One encoder and one model, as a single module; what `mcdrl export` writes."""

    def __init__(self, encoder: Encoder, model: LoadedModel) -> None:
        """Take both, on one device and in evaluation mode."""
        super().__init__()
        self.encoder, self.method = encoder, model.method
        self._model, self.miner = model, model.miner

    def forward(self, frames: Tensor) -> Tensor:
        """Segment frames.

        Args:
            frames: [B, S, S, 3] uint8, RGB, squashed to the model's size.

        Returns:
            [B, S, S] float32, the probability of lesion, 0..1.
        """
        features = encoded(self.encoder, frames) if reads_features(self._model) else None
        batch = batch_of(frames, features, self._model)
        return lesion(self.method(batch, intervene=True))


def encoded(encoder: Encoder, frames: Tensor) -> Encoded:
    """Encode frames, [B, S, S, 3] uint8 on the encoder's device; float32, rounded as the stored features are."""
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=frames.device.type == "cuda"):
        found = encoder.encode(squashed(pixels(frames), encoder.size_px))
    return Encoded(
        dense=_rounded(found.dense),
        image_embedding=_rounded(found.image_embedding),
        maps={tap: _rounded(grid) for tap, grid in found.maps.items()},
        prefix=_rounded(found.prefix),
    )


def reads_features(model: LoadedModel) -> bool:
    """Return whether a model's answer rests on the frozen encoder's features; else it looks at the pixels alone."""
    return model.method.trunk.needs_features or model.method.uses_regions


def batch_of(frames: Tensor, features: Encoded | None, model: LoadedModel) -> Batch:
    """Mine the regions by a model's class texts, or by its miner, and return what its method takes.

    Args:
        frames: [B, S, S, 3] uint8.
        features: of the frames, by the model's own encoder; None: the model doesn't read them.
        model: on the same device.
    """
    frame = pixels(frames)
    if features is None:
        features = _nothing(frame)
        similarity = torch.zeros_like(frame[:, 0, :1, :1])
        selected = torch.ones_like(similarity, dtype=torch.bool)
    elif model.miner is None:
        similarity, selected = mined(features.dense, model.texts.classes, model.card.alpha, model.texts.background)
    else:
        similarity, selected = model.miner.regions(features.maps)
    return Batch(
        frame=frame,
        encoded=features,
        similarity=similarity,
        selected=selected,
        mask=torch.zeros_like(frame[:, 0], dtype=torch.long),
        lesion_class=torch.full_like(frame[:, 0, 0, 0], -1, dtype=torch.long),
    )


def _nothing(frame: Tensor) -> Encoded:
    empty = frame.new_zeros(len(frame), 0)
    return Encoded(dense=empty[:, :, None, None], image_embedding=empty, maps={}, prefix=empty)


def mined(dense: Tensor, classes: Tensor, alpha: float, background: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Select the target regions as `mcdrl.regions.zero_shot.mine` does, on the device.

    Args:
        dense: [B, D, H, W] float, joint space.
        classes: [K, D] float, class texts in joint space.
        alpha: share of the places that is kept, above 0 up to 1.
        background: [D] float, the text of what is no lesion; None: the paper's similarity.

    Returns:
        [B, H, W] float32, S^ rounded to float16; and [B, H, W] bool, the kept places.
    """
    places = unit(dense.permute(0, 2, 3, 1), -1)
    best = (places @ unit(classes.to(dense.device), -1).T).amax(-1)
    if background is not None:
        best = best - places @ unit(background.to(dense.device), -1)
    similarity = _rounded(best)
    height, width = map(int, dense.shape[2:])
    return similarity, best_places(similarity, places_kept(height, width, alpha))


def pixels(frames: Tensor) -> Tensor:
    """Return frames [B, S, S, 3] uint8 as [B, 3, S, S] float32 in 0..1."""
    return frames.permute(0, 3, 1, 2).float() / 255


def _rounded(values: Tensor) -> Tensor:
    return values.half().float()
