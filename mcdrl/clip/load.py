"""The obtained backbone, artifacts/backbone, as an `Encoder`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular
from mcdrl.base.runtime import loading
from mcdrl.clip.card import CARD, WEIGHTS, OpenClipConfig, StoredCard, comes_along, read_config, read_stored
from mcdrl.study.paths import LITE_TOWERS, shipped

if TYPE_CHECKING:
    from mcdrl.clip.encoder import Encoder  # torch, which comes only once a backbone is built


def load_encoder(folder: Path, dense: str = "auto") -> Encoder:
    """Build the encoder from what the backbone stage stored; touches no network.

    Args:
        folder: holds card.json and the family's weights, which lite0's may lack: they come with the packages.
        dense: how the map is made dense; auto: as the card says.

    Raises:
        InputError: a file is missing or damaged, or this backbone has no such dense mode.
    """
    card = read_stored(folder)
    mode = card.dense if dense == "auto" else dense
    if card.family == "lite":
        encoder = _installed(card.model, mode) if comes_along(card, folder) else _lite(folder, card.model, mode)
        _check(encoder.fingerprint, card, folder)
        return encoder
    return _open_clip(card, mode, folder)


def is_installed(card: StoredCard) -> bool:
    """Return whether the weights that a card was written for come with the packages that are installed here."""
    return card.family == "lite" and _installed(card.model, "auto").fingerprint == card.fingerprint


def _lite(folder: Path, model: str, mode: str) -> Encoder:
    with loading():  # torch is a second's import
        from mcdrl.clip.lite import LiteEncoder
        from mcdrl.clip.lite_trunk import architecture
    return LiteEncoder.from_folder(folder, mode, architecture(model))


def _installed(model: str, mode: str) -> Encoder:
    """Build a model of the family lite from the packages that its weights come with."""
    with loading():
        from mcdrl.clip.lite import obtain
        from mcdrl.clip.lite_trunk import architecture
    kind = architecture(model)
    with TemporaryDirectory() as made:
        obtain(Path(made), shipped() / LITE_TOWERS[kind.name], kind)
        return _lite(Path(made), model, mode)


def _check(found: str, card: StoredCard, folder: Path) -> None:
    """Raise InputError where the weights aren't those that the card was written for."""
    if found == card.fingerprint:
        return
    if comes_along(card, folder):
        from mcdrl.clip.lite_trunk import architecture

        raise InputError(
            f"{folder / CARD} is of a {card.name} with the fingerprint {card.fingerprint[:12]}, installed is "
            f"{found[:12]}; install the version of mcdrl that the model is from; in a clone, restore "
            f"{LITE_TOWERS[architecture(card.model).name]} with `git checkout`"
        )
    raise InputError(
        f"{folder / WEIGHTS} is damaged, or {CARD} beside it is of another backbone: its fingerprint is "
        f"{found[:12]}, {CARD} says {card.fingerprint[:12]}; copy the folder again, or run `dvc repro backbone -f`"
    )


def _open_clip(card: StoredCard, mode: str, folder: Path) -> Encoder:
    with loading():
        import open_clip
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        from mcdrl.clip.build import filled, fingerprint
        from mcdrl.clip.frozen import Setup
        from mcdrl.clip.resnet import ResNetEncoder
        from mcdrl.clip.vit import VitEncoder

    config = read_config(card, OpenClipConfig, folder)
    try:
        state = load_file(regular(folder / WEIGHTS))
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{folder / WEIGHTS} can't be read ({error}); copy the folder again, or run `dvc repro backbone`"
        ) from None
    model = filled(config.model, state)
    _check(fingerprint(state, config.model_dump()), card, folder)
    tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
    setup = Setup(config.mean, config.std, config.taps, config.suffix_from, mode, card.fingerprint, tokenizer)
    kind = VitEncoder if hasattr(model.visual, "transformer") else ResNetEncoder
    return kind(model, setup)
