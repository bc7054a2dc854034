"""From a card and a source to the folder that all later stages build the encoder from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.files import write_json
from mcdrl.base.runtime import loading
from mcdrl.clip.card import CARD, BackboneCard, StoredCard
from mcdrl.clip.sources import Obtained, WeightsSource
from mcdrl.study.paths import LITE_TOWERS, own_or_shipped

_OTHERS = {"file": "weights of a file that isn't known by its hash", "local-dir": "weights of a local folder"}
_WHY = {
    "file": "as the card's model {model} says, for a file of weights doesn't tell",
    "local-dir": "as the folder's own configuration and the card's model {model} say",
}


def obtain(card: BackboneCard, source: WeightsSource, folder: Path) -> None:
    """Write card.json and the weights of either family into an empty folder.

    Raises:
        InputError: the weights can't be had, have the wrong hash or are of another architecture.
    """
    found = _embedded(card, source, folder) if card.family == "lite" else _open_clip(card, source, folder)
    stored = StoredCard(
        name=source.name, family=card.family, model=card.model, dense=card.dense, **asdict(told(card, found)),
        **asdict(found),
    )  # fmt: skip
    write_json(stored.model_dump(), folder / CARD)


@dataclass(frozen=True)
class Told:
    """What people are told of weights; fields as in `StoredCard`."""

    title: str
    licence: str
    notice: str


def told(card: BackboneCard, found: Obtained) -> Told:
    """Return what is known of the weights that were obtained: the card speaks of the published ones alone."""
    if found.pretrained == "random":
        return Told(f"{card.title} (random weights)", card.licence, card.notice)
    if found.pretrained not in _OTHERS:
        return Told(card.title + (f" ({card.publisher})" if card.publisher else ""), card.licence, card.notice)
    activation = "QuickGELU" if found.config["model"].get("quick_gelu") else "GELU"
    return Told(
        f"{card.title} ({_OTHERS[found.pretrained]})",
        "that of these weights, which nobody has told",
        f"It runs with {activation}, {_WHY[found.pretrained].format(model=card.model)}, on frames less the mean "
        f"{_shown(found.config['mean'])} by {_shown(found.config['std'])}; weights that were trained with another "
        "activation or on other values give wrong features and no error.",
    )


def _shown(channels: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in channels)


def _embedded(card: BackboneCard, source: WeightsSource, folder: Path) -> Obtained:
    with loading():  # torch is a second's import
        from mcdrl.clip import lite
        from mcdrl.clip.lite_trunk import architecture

    if source.kind != "card":
        raise InputError(f"weights.{source.name}: this backbone ships its own weights; remove the key")
    if given := [key for key in ("taps", "suffix_from") if getattr(card, key) is not None]:
        raise InputError(
            f"the card of {source.name} says {' and '.join(given)}, which the family lite has fixed; remove it"
        )
    kind = architecture(card.model)
    lite.obtain(folder, own_or_shipped(LITE_TOWERS[kind.name]), kind)
    return Obtained("embedded", None, {}, lite.LiteEncoder.from_folder(folder, card.dense, kind).fingerprint)


def _open_clip(card: BackboneCard, source: WeightsSource, folder: Path) -> Obtained:
    from stages.backbone.openclip import obtain_open_clip  # open_clip is a second's import

    return obtain_open_clip(card, source, folder)
