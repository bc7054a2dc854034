"""The prompts in joint space, from the three tables of `build_confounders`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mcdrl.artifacts.dictionary import BACKGROUND, CLASS_CONFOUNDERS, CLASSES, DICTIONARY
from mcdrl.artifacts.tables import Table
from mcdrl.base.errors import InputError
from mcdrl.networks.interface import Texts


def read_texts(folder: Path, lesion_classes: Sequence[str]) -> tuple[Texts, list[str], str]:
    """Read the dictionary, the class texts and the texts of both.

    Args:
        folder: holds dictionary.parquet, classes.parquet and class_confounders.parquet.
        lesion_classes: the classes, in the order that the class axis shall have.

    Returns:
        The texts with a uniform prior, the names of the confounders in the order of the confounder axis, and the
        encoder's fingerprint.

    Raises:
        InputError: a table is missing, lacks a class or a pair, or comes from another encoder than the others.
    """
    dictionary = DICTIONARY.read(folder / "dictionary.parquet")
    confounders = [str(name) for name in dictionary["confounder"]]
    classes = CLASSES.read(folder / "classes.parquet").set_index("lesion_class")
    pairs = CLASS_CONFOUNDERS.read(folder / "class_confounders.parquet").set_index(["lesion_class", "confounder"])
    wanted = [(kind, confounder) for kind in lesion_classes for confounder in confounders]
    background = [BACKGROUND] if BACKGROUND in classes.index else []
    texts = Texts(
        classes=_vectors(classes, list(lesion_classes), folder / "classes.parquet"),
        confounders=_vectors(dictionary.set_index("confounder"), confounders, folder / "dictionary.parquet"),
        class_confounders=_vectors(pairs, wanted, folder / "class_confounders.parquet").view(
            len(lesion_classes), len(confounders), -1
        ),
        prior=torch.full((len(confounders),), 1 / len(confounders)),
        background=_vectors(classes, background, folder / "classes.parquet")[0] if background else None,
    )
    return texts, confounders, _fingerprint(folder)


def read_prompts(
    folder: Path, lesion_classes: Sequence[str], confounders: Sequence[str]
) -> tuple[list[str], list[str], str | None]:
    """Return the prompts of the classes and of the confounders, in the orders given, and that of the background."""
    classes = CLASSES.read(folder / "classes.parquet").set_index("lesion_class")["prompt"]
    dictionary = DICTIONARY.read(folder / "dictionary.parquet").set_index("confounder")["prompt"]
    background = str(classes[BACKGROUND]) if BACKGROUND in classes.index else None
    return [str(classes[name]) for name in lesion_classes], [str(dictionary[name]) for name in confounders], background


def _vectors(rows: pd.DataFrame, keys: Sequence[object], path: Path) -> Tensor:
    found = dict(zip(rows.index, rows["embedding"], strict=True))
    missing = [key for key in keys if key not in found]
    if missing:
        raise InputError(f"{path} has no text for {missing[0]}; run `dvc repro build_confounders`")
    return torch.from_numpy(np.stack([np.asarray(found[key], np.float32) for key in keys]))


def _fingerprint(folder: Path) -> str:
    tables: dict[str, Table] = {
        "dictionary.parquet": DICTIONARY, "classes.parquet": CLASSES, "class_confounders.parquet": CLASS_CONFOUNDERS,
    }  # fmt: skip
    found = {folder / name: table.read_metadata(folder / name)["fingerprint"] for name, table in tables.items()}
    return one_fingerprint(found)


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
