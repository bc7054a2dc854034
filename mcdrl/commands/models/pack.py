"""`mcdrl pack`: a model's folder with its backbone inside, whatever its size, to take to another machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mcdrl.base.errors import InputError
from mcdrl.commands.models.export import Array, Parity, arrays, compare, load_network
from mcdrl.commands.models.places import check_no_model
from mcdrl.model.bundle import find_backbone
from mcdrl.model.card import read_card
from mcdrl.model.held_out import threshold_of
from mcdrl.model.members import members
from mcdrl.model.take_along import copy_models
from mcdrl.renderer.corpus import sample_corpus_frame

_PROBES = 8


def pack(model: Path, out: Path, backbone: Path | None, *, small: bool = False) -> int:
    """Write a self-sufficient copy of a model's folder, with README.md and its scores if it was judged.

    Args:
        model: the folder that a stage wrote, an ensemble's, too.
        out: the folder to write; it must not exist.
        backbone: where its backbone is; None: in its folder, else in its study.
        small: whether the weights become half precision, and those of the family lite stay out that the packages bring.

    Returns:
        Bytes written.

    Raises:
        InputError: the model or its backbone can't be used, or `out` exists.
    """
    if out.exists():
        raise InputError(f"--out {out} exists; name a new folder")
    check_no_model(out)
    models = {str(one.relative_to(model)): one for one in members(model)}
    first = next(iter(models.values()))
    found = find_backbone(first, read_card(first).fingerprint, backbone)
    copy_models(models, found, out, limit_bytes=None, small=small)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def parity(model: Path, out: Path, backbone: Path | None) -> Parity:
    """Return how far the answers of a packed copy are from the model's own; of an ensemble, of the worst network.

    Args:
        model: as that of `pack`.
        out: what `pack` wrote.
        backbone: as that of `pack`.
    """
    pairs = zip(members(model), members(out), strict=True)
    return max((_parity(one, copy, backbone) for one, copy in pairs), key=lambda found: found.pixels)


def drawn_frames(size_px: int) -> Array:
    """Return rendered frames, [8, S, S, 3] uint8: most of them have a lesion, so that a trained model calls some."""
    return np.stack([sample_corpus_frame(seed, size_px).image for seed in range(_PROBES)])


def _parity(model: Path, copy: Path, backbone: Path | None) -> Parity:
    (network, card), (copied, _) = load_network(model, backbone), load_network(copy, None)

    def run(frames: Array) -> tuple[Array, ...]:
        """Ask the copy as an exported file is asked."""
        with torch.inference_mode():
            return arrays(copied(torch.from_numpy(frames)))

    found = compare(network, run, drawn_frames(card.size_px), threshold_of([model]))
    return replace(found, original="the model itself")
