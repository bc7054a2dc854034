"""The backbone inside a model's folder, so that the folder is all that is needed to predict on another machine.

A small backbone (lite0: 13 MB) is copied byte for byte into every model's folder; DVC's cache keeps equal files once. A
large one (ViT-L/14: 1.7 GB) would be copied ten or fifty times, so the folder names it by its hash only, and `mcdrl
pack` makes a folder that holds it where one is wanted. Of the family lite a card is enough: its weights come with
packages, and their hash has to be the card's; weights of one's own are copied.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic, regular
from mcdrl.clip.card import CARD, read_stored
from mcdrl.clip.load import is_installed
from mcdrl.model.members import is_ensemble
from mcdrl.study.paths import artifacts_of, backbone_folder

FOLDER = "backbone"
SMALL_BYTES = 64 * 2**20


def bundle(backbone: Path, model: Path, *, limit_bytes: int | None = SMALL_BYTES, small: bool = False) -> bool:
    """Copy a backbone into a model's folder unless it is too large.

    Args:
        backbone: the folder that `backbone` wrote.
        model: the model's folder.
        limit_bytes: of all of its files together; None: no limit.
        small: whether of a backbone whose weights come with the packages the card alone is copied.

    Returns:
        Whether it was copied.

    Raises:
        InputError: something in it is no regular file.
    """
    visible = [path for path in backbone.iterdir() if not path.name.startswith(".") and not path.is_dir()]
    files = sorted(map(regular, visible))
    if small and is_installed(read_stored(backbone)):
        files = [path for path in files if path.name == CARD]
    if limit_bytes is not None and sum(path.stat().st_size for path in files) > limit_bytes:
        return False
    for path in files:
        with atomic(model / FOLDER / path.name) as partial:
            shutil.copyfile(path, partial)
    return True


def find_backbone(model: Path, fingerprint: str, given: Path | None) -> Path:
    """Return a model's backbone: the given one, else that in its or its ensemble's folder, else that of its study.

    Args:
        model: the model's folder.
        fingerprint: of the backbone, by the model's card.
        given: a folder to use instead; None: look for it.

    Raises:
        InputError: there is none, or it is another backbone.
    """
    artifacts = artifacts_of(model)
    places = [model / FOLDER, *[model.parent / FOLDER] * is_ensemble(model.parent)]
    places += [backbone_folder(artifacts)] if artifacts else []
    found = given or next((place for place in places if (place / CARD).is_file()), None)
    if found is None:
        raise InputError(
            f"{model} doesn't hold its backbone ({fingerprint[:12]}); give --backbone the folder of that backbone, "
            "or make a folder that holds it, where it was trained: mcdrl pack MODEL --out DIR"
        )
    stored = read_stored(found)
    if stored.fingerprint != fingerprint:
        raise InputError(
            f"{model} was trained with another backbone ({fingerprint[:12]}) than {found} holds: {stored.name} "
            f"({stored.fingerprint[:12]}); give --backbone the folder of the model's own backbone"
        )
    return found
