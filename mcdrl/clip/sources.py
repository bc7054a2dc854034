"""Where weights come from: the values of `weights` in params.yaml, the hashes of files, and what was obtained."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular, sha256
from mcdrl.clip.card import BackboneCard

LOCAL_DIR = "local-dir:"  # before a folder
HASH_MARK = "@sha256:"  # behind a file, before its hash


@dataclass(frozen=True)
class WeightsSource:
    """Where a backbone's weights come from.

    Attributes:
        name: the backbone's, key below `weights`.
        kind: card (the card's own source), file, local-dir (a folder of open_clip's) or random.
        path: of the file or folder; None for the other kinds.
        sha256: what the user says that the file's hash is; None: the card says it.
    """

    name: str
    kind: Literal["card", "file", "local-dir", "random"]
    path: Path | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, name: str, value: str | None) -> WeightsSource:
        """Read the value of `weights.<name>`: null, none, `local-dir:FOLDER` or `FILE[@sha256:HEX]`.

        Raises:
            InputError: the value is none of these, or the file or folder isn't there.
        """
        if value is None:
            return cls(name, "card")
        if value.lower() == "none":
            return cls(name, "random")
        if value.startswith(LOCAL_DIR):
            folder = Path(value.removeprefix(LOCAL_DIR)).expanduser()
            if value == LOCAL_DIR:
                raise InputError(f"weights.{name}: no folder stands behind {LOCAL_DIR}; give one")
            if not folder.is_dir():
                raise InputError(f"weights.{name}: there is no folder {_named(folder)}; give one after {LOCAL_DIR}")
            return cls(name, "local-dir", folder)
        return cls._file(name, value)

    @classmethod
    def _file(cls, name: str, value: str) -> WeightsSource:
        place, mark, digest = value.partition(HASH_MARK)
        if mark and not re.fullmatch("[0-9a-f]{64}", digest):
            raise InputError(f"weights.{name}: '{digest}' after {HASH_MARK} is no SHA-256, expected 64 digits 0-9a-f")
        path = regular(Path(place).expanduser())
        if path.is_dir():
            raise InputError(f"weights.{name}: {path} is a folder; write {LOCAL_DIR}{path}, or name a file in it")
        if not path.is_file():
            raise InputError(f"weights.{name}: there is no file {_named(path)}; give a file, {LOCAL_DIR}FOLDER or none")
        return cls(name, "file", path, digest or None)


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
