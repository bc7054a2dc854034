"""The whole way from a frame to a probability: encoder, region mining, method, with the pipeline's own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stages.core.base.errors import InputError
from stages.core.clip.card import read_stored
from stages.core.clip.encoder import Encoder
from stages.core.clip.load import load_encoder
from stages.core.device import pick_device
from stages.core.networks.data import to_batch
from stages.core.networks.model import LoadedModel, load_model, probability, read_card
from stages.encode.batches import encode
from stages.mine_regions.mining import mine

Array = np.ndarray[Any, np.dtype[Any]]


class FolderModel:
    """A trained model with its encoder.

    Attributes:
        size_px: side of the frames that it takes.
        random_weights: whether the encoder was never pretrained.
    """

    def __init__(self, model: LoadedModel, encoder: Encoder, *, random_weights: bool) -> None:
        """Take both on one device."""
        self._model, self._encoder = model, encoder
        self._classes = model.texts.classes.cpu().numpy()
        self.size_px = model.card.size_px
        self.random_weights = random_weights

    def probability(self, frames: Array) -> Array:
        """Segment B frames.

        Args:
            frames: [B, S, S, 3] uint8, RGB, squashed to `size_px`.

        Returns:
            [B, S, S] float32, the probability of lesion, 0..1.
        """
        names = [f"frame {place}" for place in range(len(frames))]
        rows = encode(self._encoder, frames, names)
        regions = mine(rows["dense"], self._classes, self._model.card.alpha)
        raw = {
            "frames/image": frames,
            **{f"features/{name.replace('__', '/')}": value for name, value in rows.items()},
            "regions/similarity": regions.similarity,
            "regions/selected": regions.selected,
        }
        device = next(self._encoder.parameters()).device
        batch = to_batch(raw, [-1] * len(frames), device)
        found: Array = probability(self._model.method, batch).cpu().numpy()
        return found


def load_segmenter(model: Path, backbone: Path, device: str) -> FolderModel:
    """Load a trained model and the backbone that it was trained with.

    Args:
        model: a folder that `train` wrote.
        backbone: the folder that `backbone` wrote.
        device: auto, cpu, cuda, ...

    Raises:
        InputError: a file is missing or damaged, or the model belongs to another backbone.
    """
    where = pick_device(device)
    card, stored = read_card(model), read_stored(backbone)
    if card.fingerprint != stored.fingerprint:
        raise InputError(
            f"{model} was trained with the backbone {card.backbone} ({card.fingerprint[:12]}), {backbone} holds "
            f"{stored.name} ({stored.fingerprint[:12]}); give --backbone the folder of the model's own backbone"
        )
    loaded = load_model(model, backbone)
    loaded.method.to(where)
    encoder = load_encoder(backbone, card.dense_mode).to(where).eval()
    return FolderModel(loaded, encoder, random_weights=stored.pretrained == "random")
