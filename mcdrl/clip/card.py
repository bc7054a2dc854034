"""Backbone cards: what people write about a model (data/backbones/<name>.yaml) and what the backbone stage stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json
from mcdrl.base.section import Section, validated
from mcdrl.base.strict_yaml import read_yaml
from mcdrl.study.dense_modes import DenseMode
from mcdrl.study.paths import BACKBONE_CARDS, own_or_shipped

CARD = "card.json"
_AGAIN = "name a backbone's folder; copy it again, or run `dvc repro backbone` in its study"
WEIGHTS = "weights.safetensors"
S = TypeVar("S", bound=Section)


class BackboneCard(Section):
    """A model that params.yaml can name.

    Attributes:
        title: the model's name for people.
        publisher: whose weights the tag and the hash stand for; joins the title where it is those that are used. None:
            the title says it.
        family: open_clip, or lite for the embedded one.
        model: the family's name of the architecture, for open_clip one of `open_clip.list_models()`.
        pretrained: open_clip's tag of the weights; None: they must be supplied as a file.
        sha256: of the publisher's own weights file; a supplied file must have it. None: nothing is published.
        dense: how the map is made dense when params.yaml says auto.
        taps: intermediate maps to keep, fine to coarse: s4, s8, s16, s32 of a ResNet, b1, b2, ... of a ViT. None: all
            of a ResNet, four evenly spaced blocks of a ViT. The family lite has all of s4 to s32.
        suffix_from: the map or block after which the trainable suffix starts. None: s8, or three
            quarters of the blocks. The family lite starts after s8 always.
        licence: SPDX id of the weights' licence.
        notice: what a user of the weights has to know; shown when they are obtained.
    """

    title: str = Field(min_length=1)
    publisher: str | None = None
    family: Literal["open_clip", "lite"]
    model: str = Field(min_length=1)
    pretrained: str | None = None
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    dense: DenseMode = "maskclip"
    taps: list[str] | None = Field(default=None, min_length=1)
    suffix_from: str | None = None
    licence: str
    notice: str


class StoredCard(Section):
    """card.json beside the weights, all that is needed to build the model offline.

    Attributes:
        name: of the card in data/backbones.
        title, licence, notice: as in the card where the weights are the published ones; of others what is known.
        family, model: as in the card.
        pretrained: where the weights came from: the card's tag, "file", "local-dir", "random" or "embedded".
        source_sha256: of the file that they came from; None: from no file.
        dense: the mode that "auto" stands for.
        config: the family's own configuration.
        fingerprint: hex digest of all tensors and `config`.
    """

    name: str
    title: str
    family: Literal["open_clip", "lite"]
    model: str
    pretrained: str
    source_sha256: str | None
    dense: str
    licence: str
    notice: str
    config: dict[str, Any]
    fingerprint: str


class OpenClipConfig(Section):
    """`StoredCard.config` of the open_clip family.

    Attributes:
        model: open_clip's model configuration (embed_dim, quick_gelu, vision_cfg, text_cfg).
        mean: of the three channels, subtracted from frames in 0..1.
        std: of the three channels.
        taps, suffix_from: as in the card.
    """

    model: dict[str, Any]
    mean: list[float] = Field(min_length=3, max_length=3)
    std: list[float] = Field(min_length=3, max_length=3)
    taps: list[str] | None
    suffix_from: str | None


def read_card(name: str, folder: Path = BACKBONE_CARDS) -> BackboneCard:
    """Read a card by its name.

    Raises:
        InputError: there is no such card, or it has errors, all of which are listed.
    """
    path = own_or_shipped(folder) / f"{name}.yaml"
    if not path.is_file():
        known = [card.stem for card in path.parent.glob("*.yaml")]
        raise InputError(f"there is no backbone card {path}; {nearest(name, known)}")
    return validated(BackboneCard, read_yaml(path), path)


def read_stored(folder: Path) -> StoredCard:
    """Read card.json of an obtained backbone.

    Raises:
        InputError: it is missing or damaged.
    """
    return validated(StoredCard, read_json(folder / CARD, _AGAIN), folder / CARD)


def comes_along(card: StoredCard, folder: Path) -> bool:
    """Return whether weights come with the packages instead of in the folder: lite0's may."""
    return card.family == "lite" and not (folder / WEIGHTS).exists()


def read_config(card: StoredCard, kind: type[S], folder: Path) -> S:
    """Return a stored card's `config` as the family's own type.

    Raises:
        InputError: it is damaged.
    """
    return validated(kind, card.config, folder / CARD)


def canonical(value: Any) -> str:
    """Return JSON with one layout for equal values, for digests and comparisons."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
