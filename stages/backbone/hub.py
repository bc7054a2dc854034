"""Weights through open_clip's tags and the Hugging Face hub: from the cache, else over the network."""

from __future__ import annotations

from pathlib import Path

import open_clip
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.clip.card import BackboneCard
from stages.backbone.local_dir import SAVED

_ANSWER_S = 5.0
_DIGEST_LENGTH = 64


def from_hub(name: str, card: BackboneCard) -> Path:
    """Return the file of the card's tag in the local cache, downloaded if need be.

    Args:
        name: the backbone's.
        card: names an open_clip model and one of its tags.

    Raises:
        InputError: the tag is unknown, there is no connection, or the cached file is damaged.
    """
    repository, files = _place(name, card)
    path = _cached(repository, files) or _downloaded(repository, files, name, card)
    _check_blob(path)
    return path


def ways_out(name: str, card: BackboneCard) -> str:
    """Return the sentence that says how to supply weights without the hub."""
    address = open_clip.get_pretrained_cfg(card.model, card.pretrained or "").get("url")
    place = f", from {address}" if address else ""
    return (
        f"(1) a file with the weights of {card.title}{place}: -S weights.{name}=FILE; "
        f"(2) a folder of open_clip's: -S weights.{name}=local-dir:FOLDER; "
        "(3) run `dvc repro backbone` once on a machine that has a connection and copy its Hugging Face cache "
        f"(HF_HOME, by default ~/.cache/huggingface) here. For a dry run with random weights: -S weights.{name}=none"
    )


def _place(name: str, card: BackboneCard) -> tuple[str, tuple[str, ...]]:
    if card.pretrained is None:
        raise InputError(f"the card of {name} names no pretrained tag; supply the weights: {ways_out(name, card)}")
    found = open_clip.get_pretrained_cfg(card.model, card.pretrained)
    tags = open_clip.list_pretrained_tags_by_model(card.model)
    if not found:
        raise InputError(f"open_clip's {card.model} has no tag '{card.pretrained}'; {nearest(card.pretrained, tags)}")
    repository, _, file = found.get("hf_hub", "").rpartition("/")
    if not repository:
        raise InputError(f"open_clip's {card.model} '{card.pretrained}' isn't on the hub: {ways_out(name, card)}")
    return repository, (file,) if file else SAVED


def _cached(repository: str, files: tuple[str, ...]) -> Path | None:
    paths = [try_to_load_from_cache(repository, file) for file in files]
    return next((Path(path) for path in paths if isinstance(path, str)), None)


def _downloaded(repository: str, files: tuple[str, ...], name: str, card: BackboneCard) -> Path:
    for file in files:
        try:
            # One question without retries: downloads retry for half a minute before they say that there is no network.
            get_hf_file_metadata(hf_hub_url(repository, file), timeout=_ANSWER_S)
            return Path(hf_hub_download(repository, file))
        except LocalEntryNotFoundError as error:
            raise _unreachable(repository, error, name, card) from None
        except EntryNotFoundError:
            continue
        except Exception as error:  # the client's network errors have no base class that all its versions share
            raise _unreachable(repository, error, name, card) from None
    raise InputError(f"the hub's {repository} has none of {', '.join(files)}: {ways_out(name, card)}")


def _unreachable(repository: str, error: Exception, name: str, card: BackboneCard) -> InputError:
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return InputError(
        f"the weights of {name} are not in the cache, and the hub's {repository} can't be reached ({reason}). "
        f"Ways out: {ways_out(name, card)}"
    )


def _check_blob(path: Path) -> None:
    # The cache names large files by their SHA-256.
    expected = path.resolve().name
    if len(expected) == _DIGEST_LENGTH and sha256(path) != expected:
        raise InputError(
            f"{path} is damaged: its sha256 is {sha256(path)}, expected {expected}; delete it and run again"
        )
