"""The open_clip family: from a card and a source to weights and a configuration that need no hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
from safetensors.torch import save
from torch import Tensor

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.base.seeds import seed_for
from mcdrl.clip.build import fingerprint, mismatches, random_state, skeleton
from mcdrl.clip.card import WEIGHTS, BackboneCard, OpenClipConfig
from mcdrl.clip.sources import Obtained, WeightsSource, verified
from stages.backbone import local_dir
from stages.backbone.files import read_state
from stages.backbone.hub import from_hub


@dataclass(frozen=True)
class Weights:
    """Weights and where they came from.

    Attributes:
        state: name -> tensor.
        pretrained: as in `StoredCard`.
        sha256: of the file; None: from no file.
    """

    state: dict[str, Tensor]
    pretrained: str
    sha256: str | None


def obtain_open_clip(card: BackboneCard, source: WeightsSource, folder: Path) -> Obtained:
    """Write the weights of an open_clip model into a folder.

    Raises:
        InputError: the weights can't be had, have the wrong hash or are of another architecture.
    """
    config = configuration(card, source)
    expected = skeleton(config.model)
    weights = _weights(card, source, config)
    state = _fitting(weights.state, expected, source, card)
    (folder / WEIGHTS).write_bytes(save(state))  # save_file would hide a full disk
    settings = config.model_dump()
    return Obtained(weights.pretrained, weights.sha256, settings, fingerprint(state, settings))


def configuration(card: BackboneCard, source: WeightsSource) -> OpenClipConfig:
    """Return the open_clip configuration of a card; a local folder says by itself how its frames are normalised.

    Raises:
        InputError: open_clip has no such model, or the folder's own configuration is another model's or damaged.
    """
    model = open_clip.get_model_config(card.model)
    if model is None:
        raise InputError(f"open_clip has no model '{card.model}'; {nearest(card.model, open_clip.list_models())}")
    tag = open_clip.get_pretrained_cfg(card.model, card.pretrained) if card.pretrained else {}
    told = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD, **tag}
    if source.kind == "local-dir":
        local_dir.check_config(_path(source), model, card.model)
        told |= local_dir.normalisation(_path(source))
    return OpenClipConfig(
        model=model, mean=list(told["mean"]), std=list(told["std"]), taps=card.taps, suffix_from=card.suffix_from
    )


def _check_activation(card: BackboneCard, config: OpenClipConfig) -> None:
    """Raise InputError where a tag's weights were trained with QuickGELU and the card's model runs with GELU."""
    tag = open_clip.get_pretrained_cfg(card.model, str(card.pretrained))
    if not tag.get("quick_gelu") or config.model.get("quick_gelu"):
        return
    other = f"{card.model}-quickgelu"
    mend = f"set model: {other}" if other in open_clip.list_models() else "choose another pretrained"
    raise InputError(
        f"the backbone's card says model {card.model}, which runs with GELU, and pretrained {card.pretrained}, which "
        f"was trained with QuickGELU: its features would be wrong; {mend}"
    )


def _weights(card: BackboneCard, source: WeightsSource, config: OpenClipConfig) -> Weights:
    if source.kind == "random":
        return Weights(random_state(config.model, seed_for("backbone", source.name)), "random", None)
    if source.kind == "card":
        _check_activation(card, config)
        path = from_hub(source.name, card)
        return Weights(read_state(path, trusted=False), str(card.pretrained), sha256(path))
    if source.kind == "local-dir":
        path = local_dir.find_weights(_path(source))
        return Weights(read_state(path, trusted=False), "local-dir", sha256(path))
    path = _path(source)
    digest = verified(source, path, card)
    known = {card.sha256, source.sha256}
    label = str(card.pretrained) if digest == card.sha256 and card.pretrained else "file"
    if label != "file":
        _check_activation(card, config)
    return Weights(read_state(path, trusted=digest in known), label, digest)


def _path(source: WeightsSource) -> Path:
    if source.path is None:
        raise ValueError(f"a source of kind {source.kind} has no path")
    return source.path


def _fitting(
    state: Mapping[str, Tensor], expected: Any, source: WeightsSource, card: BackboneCard
) -> dict[str, Tensor]:
    wanted = expected.state_dict()
    scalars = {key for key, value in state.items() if key in wanted and value.numel() == wanted[key].numel() == 1}
    shaped = {key: value.reshape(wanted[key].shape) if key in scalars else value for key, value in state.items()}
    problems = mismatches(expected, shaped)
    if problems:
        place = source.path or f"the tag {card.pretrained}"
        raise InputError(f"weights.{source.name}: {place} doesn't hold a {card.model}: {problems}")
    return {key: shaped.get(key, value.new_zeros((), device="cpu")).contiguous() for key, value in wanted.items()}
