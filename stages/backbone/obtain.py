"""From a card and a source to the folder that all later stages build the encoder from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stages.backbone.sources import Obtained, Source
from stages.core.base.errors import InputError
from stages.core.base.files import write_json
from stages.core.clip.card import CARD, BackboneCard, StoredCard

_SHIPPED = Path("data/lite0")  # the trained parts of the embedded model


def obtain(card: BackboneCard, source: Source, folder: Path) -> None:
    """Write card.json and the weights of either family into an empty folder.

    Raises:
        InputError: the weights can't be had, have the wrong hash or are of another architecture.
    """
    found = _embedded(card, source, folder) if card.family == "lite" else _open_clip(card, source, folder)
    stored = StoredCard(
        name=source.name, title=card.title, family=card.family, model=card.model, dense=card.dense,
        licence=card.licence, notice=card.notice, **asdict(found),
    )  # fmt: skip
    write_json(stored.model_dump(), folder / CARD)


def _embedded(card: BackboneCard, source: Source, folder: Path) -> Obtained:
    from stages.core.clip import lite

    if source.kind != "card":
        raise InputError(f"weights.{source.name}: this backbone ships its own weights; remove the key")
    lite.obtain(folder, _SHIPPED)
    return Obtained("embedded", None, {}, lite.LiteEncoder.from_folder(folder, card.dense).fingerprint)


def _open_clip(card: BackboneCard, source: Source, folder: Path) -> Obtained:
    from stages.backbone.openclip import obtain_open_clip  # open_clip is a second's import

    return obtain_open_clip(card, source, folder)
