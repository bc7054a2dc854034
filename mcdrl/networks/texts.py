"""The prompts in joint space, from the three tables of `build_confounders`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mcdrl.artifacts.dictionary import BACKGROUND, CLASS_CONFOUNDERS, CLASSES, DICTIONARY
from mcdrl.base.errors import InputError
from mcdrl.networks.interface import Texts
from mcdrl.study.paths import TextFiles


def read_texts(folder: Path, lesion_classes: Sequence[str]) -> tuple[Texts, list[str], str]:
    """Read the dictionary, the class texts and the texts of both.

    Args:
        folder: of the three tables.
        lesion_classes: the classes, in the order that the class axis shall have.

    Returns:
        The texts with a uniform prior, the names of the confounders in the order of the confounder axis, and the
        encoder's fingerprint.

    Raises:
        InputError: a table is missing, lacks a class or a pair, or comes from another encoder than the others.
    """
    files = TextFiles(folder)
    dictionary = DICTIONARY.read(files.dictionary)
    confounders = [str(name) for name in dictionary["confounder"]]
    classes = CLASSES.read(files.classes).set_index("lesion_class")
    pairs = CLASS_CONFOUNDERS.read(files.class_confounders).set_index(["lesion_class", "confounder"])
    wanted = [(kind, confounder) for kind in lesion_classes for confounder in confounders]
    background = [BACKGROUND] if BACKGROUND in classes.index else []
    texts = Texts(
        classes=_vectors(classes, list(lesion_classes), files.classes),
        confounders=_vectors(dictionary.set_index("confounder"), confounders, files.dictionary),
        class_confounders=_vectors(pairs, wanted, files.class_confounders).view(
            len(lesion_classes), len(confounders), -1
        ),
        prior=torch.full((len(confounders),), 1 / len(confounders)),
        background=_vectors(classes, background, files.classes)[0] if background else None,
    )
    return texts, confounders, _fingerprint(files)


def read_prompts(
    folder: Path, lesion_classes: Sequence[str], confounders: Sequence[str]
) -> tuple[list[str], list[str], str | None]:
    """Return the prompts of the classes and of the confounders, in the orders given, and that of the background."""
    files = TextFiles(folder)
    classes = CLASSES.read(files.classes).set_index("lesion_class")["prompt"]
    dictionary = DICTIONARY.read(files.dictionary).set_index("confounder")["prompt"]
    background = str(classes[BACKGROUND]) if BACKGROUND in classes.index else None
    return [str(classes[name]) for name in lesion_classes], [str(dictionary[name]) for name in confounders], background


def _vectors(rows: pd.DataFrame, keys: Sequence[object], path: Path) -> Tensor:
    found = dict(zip(rows.index, rows["embedding"], strict=True))
    missing = [key for key in keys if key not in found]
    if missing:
        raise InputError(f"{path} has no text for {missing[0]}; run `dvc repro build_confounders`")
    return torch.from_numpy(np.stack([np.asarray(found[key], np.float32) for key in keys]))


def _fingerprint(files: TextFiles) -> str:
    tables = {
        files.dictionary: DICTIONARY, files.classes: CLASSES, files.class_confounders: CLASS_CONFOUNDERS,
    }  # fmt: skip
    return one_fingerprint({path: table.read_metadata(path)["fingerprint"] for path, table in tables.items()})


def one_fingerprint(found: dict[Path, str]) -> str:
    """Return the fingerprint that all files carry.

    Raises:
        InputError: two files come from different encoders; names both.
    """
    first = next(iter(found))
    for path, fingerprint in found.items():
        if fingerprint != found[first]:
            raise InputError(
                f"{first} and {path} come from different encoders ({found[first][:12]} and {fingerprint[:12]}); "
                "run `dvc repro` to make both anew"
            )
    return found[first]
