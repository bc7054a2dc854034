"""Where weights come from: the values of `weights` in params.yaml, the hashes of files, and what was obtained."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular, sha256
from mcdrl.clip.card import BackboneCard
from mcdrl.study.paths import BACKBONE_CARDS

LOCAL_DIR = "local-dir:"  # before a folder
HASH_MARK = "@sha256:"  # behind a file or a folder, before its hash
_READ = (".json", ".safetensors", ".bin", ".pt", ".pth")  # endings of what may be read of a folder


@dataclass(frozen=True)
class WeightsSource:
    """Where a backbone's weights come from.

    Attributes:
        name: the backbone's, key below `weights`.
        kind: card (the card's own source), file, local-dir (a folder of open_clip's) or random.
        path: of the file or folder; None for the other kinds.
        sha256: what the user says that the hash of the file, or of the folder (see `content_sha256`), is; None: the
            card says it, or nobody.
    """

    name: str
    kind: Literal["card", "file", "local-dir", "random"]
    path: Path | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, name: str, value: str | None) -> WeightsSource:
        """Read the value of `weights.<name>`: null, none, or `FILE` or `local-dir:FOLDER`, [@sha256:HEX] behind.

        Raises:
            InputError: the value is none of these, or the file or folder isn't there.
        """
        if value is None:
            return cls(name, "card")
        if value.lower() == "none":
            return cls(name, "random")
        place, mark, digest = value.partition(HASH_MARK)
        if mark and not re.fullmatch("[0-9a-f]{64}", digest):
            raise InputError(f"weights.{name}: '{digest}' after {HASH_MARK} is no SHA-256, expected 64 digits 0-9a-f")
        if place.startswith(LOCAL_DIR):
            return cls(name, "local-dir", _folder(name, place.removeprefix(LOCAL_DIR)), digest or None)
        return cls(name, "file", _file(name, place), digest or None)


def _folder(name: str, place: str) -> Path:
    folder = Path(place).expanduser()
    if not place:
        raise InputError(f"weights.{name}: no folder stands behind {LOCAL_DIR}; give one")
    if not folder.is_dir():
        raise InputError(f"weights.{name}: there is no folder {_named(folder)}; give one after {LOCAL_DIR}")
    return folder


def _file(name: str, place: str) -> Path:
    path = regular(Path(place).expanduser())
    if path.is_dir():
        raise InputError(f"weights.{name}: {path} is a folder; write {LOCAL_DIR}{path}, or name a file in it")
    if not path.is_file():
        raise InputError(f"weights.{name}: there is no file {_named(path)}; give a file, {LOCAL_DIR}FOLDER or none")
    return path


@dataclass(frozen=True)
class Obtained:
    """What becomes known of a model by obtaining it; fields as in `StoredCard`."""

    pretrained: str
    source_sha256: str | None
    config: dict[str, Any]
    fingerprint: str


def _named(path: Path) -> str:
    """Name a path that isn't there; a relative one with the folder that it was looked up from."""
    return str(path) if path.is_absolute() else f"{path} in {Path.cwd()}; a path from / is found from everywhere"


def check_tracked(source: WeightsSource, card: BackboneCard) -> None:
    """Check that DVC runs the stage `backbone` anew once supplied weights are others.

    Their hash stands in params.yaml or in the card, or they lie beside the cards, where DVC looks at what files hold.

    Args:
        source: where they come from.
        card: of the backbone.

    Raises:
        InputError: neither is so, or a folder's hash isn't what the user said; shows the hash.
    """
    path, known = source.path, source.kind == "file" and (source.sha256 or card.sha256)
    if path is None or known or (source.sha256 is None and is_watched(path)):
        return
    actual = content_sha256(path)
    given = f"-S 'weights.{source.name}={LOCAL_DIR * (source.kind == 'local-dir')}{path}{HASH_MARK}{actual}'"
    if source.sha256 is None:
        raise InputError(
            f"weights.{source.name}: DVC wouldn't notice when {path} changes; give it with its hash, {given}, or put "
            f"it into {BACKBONE_CARDS}, where DVC looks"
        )
    if source.sha256 != actual:
        raise InputError(
            f"weights.{source.name}: {path} has sha256 {actual}, expected {source.sha256} as given behind {HASH_MARK}; "
            f"if it has changed, say so: {given}"
        )


def is_watched(path: Path) -> bool:
    """Return whether a file or a folder lies beside the project's cards of backbones, by no link to a folder."""
    whole = Path(os.path.abspath(path))
    for one in [whole, *whole.parents]:
        if BACKBONE_CARDS.is_dir() and one.is_dir() and one.samefile(BACKBONE_CARDS):
            return True
        if one.is_symlink() and one.is_dir():
            return False
    return False


def content_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and hashes of what may be read of a folder, sorted by name."""
    if not path.is_dir():
        return sha256(path)
    files = sorted(one for one in path.iterdir() if one.suffix in _READ and one.is_file())
    return hashlib.sha256("".join(f"{sha256(one)}  {one.name}\n" for one in files).encode()).hexdigest()


def verified(source: WeightsSource, path: Path, card: BackboneCard) -> str:
    """Return the SHA-256 of a weights file that the user supplied.

    Raises:
        InputError: the hash isn't what the user said or, without that, what the card says; shows both.
    """
    actual = sha256(path)
    if source.sha256 not in {None, actual}:
        raise InputError(
            f"weights.{source.name}: {path} has sha256 {actual}, expected {source.sha256} as given behind {HASH_MARK}; "
            "one of the two is wrong"
        )
    if source.sha256 is None and card.sha256 not in {None, actual}:
        raise InputError(
            f"weights.{source.name}: {path} has sha256 {actual}, expected {card.sha256}, the published file of "
            f"{card.title}; supply that file, or say that this one is meant by its hash: "
            f"-S 'weights.{source.name}={path}{HASH_MARK}{actual}'"
        )
    return actual
