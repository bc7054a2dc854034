"""`mcdrl inspect`: the dictionary, the quality of the mined regions, or what a model's folder holds, as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mcdrl.artifacts.dictionary import DICTIONARY
from mcdrl.artifacts.held_out_scores import OF_SOURCES, HeldOutScores
from mcdrl.artifacts.promise import Promise, promise_of
from mcdrl.artifacts.regions import QUALITY
from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json
from mcdrl.model.bundle import FOLDER, find_backbone
from mcdrl.model.facts import CARD, read_facts
from mcdrl.model.members import is_ensemble, members
from mcdrl.study.paths import TextFiles, table_path, texts_folder

# shown by themselves, or not at all
_LONG = ("spec", "parameters", "params", "reference", "adapted", "class_prompts", "confounder_prompts")
_MEANT = {"val_dice": f", {OF_SOURCES}"}


@dataclass(frozen=True)
class PrintedTable:
    """A table to print: its title, the heads of its columns, its cells as text."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def inspect(place: Path) -> list[PrintedTable]:
    """Return the tables of a model's folder, or of the artifacts of a study.

    Args:
        place: a folder with model.json, or the artifacts folder.

    Raises:
        InputError: it is neither, or a file is damaged.
    """
    if (place / CARD).is_file():
        from mcdrl.model.card import read_card
        from mcdrl.model.held_out import held_out_scores  # torch is seconds of imports

        read_card(place)  # so that what is shown is a model's card
        card, bundled = read_json(place / CARD), (place / FOLDER).is_dir()
        return model_tables(card, bundled, held_out_scores(place), promise_of(place))
    if is_ensemble(place):
        return ensemble_tables(place)
    found = TextFiles(texts_folder(place)).dictionary, table_path(place, "mine_regions", "quality")
    if not any(path.is_file() for path in found):
        raise InputError(f"{place} holds neither {CARD} nor a dictionary; give a model's folder, or run `dvc repro`")
    tables = [dictionary_table(DICTIONARY.read(found[0]))] if found[0].is_file() else []
    return tables + ([quality_table(QUALITY.read(found[1]))] if found[1].is_file() else [])


def describe(place: Path) -> str | None:
    """Return what README.md says of a model once it is packed; None: the place is no model's, or lacks its backbone.

    Raises:
        InputError: a file is damaged.
    """
    if is_ensemble(place):
        from mcdrl.model.readme import ensemble_readme

        return ensemble_readme(place)
    if not (place / CARD).is_file():
        return None
    from mcdrl.model.card import read_card
    from mcdrl.model.held_out import held_out_scores
    from mcdrl.model.readme import readme

    try:
        backbone = find_backbone(place, read_card(place).fingerprint, None)
    except InputError:  # the table says that it isn't there
        return None
    return readme(place, backbone, held_out_scores(place), promise_of(place))


def ensemble_tables(place: Path) -> list[PrintedTable]:
    """Return the networks of an ensemble, and what their study promises of them."""
    models = members(place)
    cards = [read_facts(model) for model in models]
    rows = [[str(model), str(card.seed), f"{card.val_dice:.3f}"] for model, card in zip(models, cards, strict=True)]
    promise = promise_of(place)
    tables = [PrintedTable("ensemble", ["model", "seed", f"val_dice{_MEANT['val_dice']}"], rows)]
    return tables + ([promise_table(promise)] if promise else [])


def promise_table(promise: Promise) -> PrintedTable:
    """Return what a study promises of a model that was trained on all sites."""
    return PrintedTable("found at sites left out", ["", ""], [[key, _text(value)] for key, value in promise])


def dictionary_table(rows: pd.DataFrame) -> PrintedTable:
    """Return each confounder with its prompt and the other one that it is nearest to, by cosine."""
    z = np.stack([np.asarray(row, np.float64) for row in rows["embedding"]])
    cosine = z @ z.T - 2 * np.eye(len(z))
    names = [str(name) for name in rows["confounder"]]
    nearest = cosine.argmax(axis=1)
    cells = [
        [name, str(category), str(prompt), names[other] if len(z) > 1 else "", f"{cosine[index, other]:z.3f}"]
        for index, (name, category, prompt, other) in enumerate(
            zip(names, rows["category"], rows["prompt"], nearest, strict=True)
        )
    ]
    return PrintedTable("dictionary Z", ["confounder", "category", "prompt", "nearest other", "cosine"], cells)


def quality_table(rows: pd.DataFrame) -> PrintedTable:
    """Return how well the mined regions of each site meet its lesions."""
    heads = ["site", "alpha", "recall", "recall_random", "auroc", "auroc_inverted", "n_frames"]
    return PrintedTable("mined regions", heads, [[_text(row[head]) for head in heads] for _, row in rows.iterrows()])


def model_tables(
    card: dict[str, Any], bundled: bool, scores: HeldOutScores | None = None, promise: Promise | None = None
) -> list[PrintedTable]:
    """Return what model.json says.

    Args:
        card: the contents of model.json.
        bundled: whether the folder holds its backbone.
        scores: its scores at the held-out site; None: it was not judged.
        promise: what its study promises of one that was trained on all sites; None: nothing.
    """
    facts = [[key, _text(value) + _MEANT.get(key, "")] for key, value in card.items() if key not in _LONG]
    facts.append(["backbone in the folder", "yes" if bundled else "no: give --backbone, or mcdrl pack"])
    tables = [PrintedTable("model", ["", ""], facts)]
    if scores is not None:
        rows = [[key, _score(scores, key, value)] for key, value in scores if key != "weights_sha256"]
        tables.append(PrintedTable("at the held-out site", ["", ""], rows))
    if promise is not None:
        tables.append(promise_table(promise))
    names = card["confounders"]
    prompts = zip(names, card.get("confounder_prompts") or [""] * len(names), strict=True)
    reference = card.get("reference")
    if reference:
        rows = [
            [name, prompt, f"{mean:z.3f}", f"{std:.3f}"]
            for (name, prompt), mean, std in zip(prompts, reference["mean"], reference["std"], strict=True)
        ]
        tables.append(
            PrintedTable("dictionary Z", ["confounder", "prompt", "cosine of training frames", "spread"], rows)
        )
    parameters = {**card.get("spec", {}), **card.get("parameters", {}), **card.get("params", {})}
    tables.append(
        PrintedTable("parameters", ["", ""], [[key, _given(value)] for key, value in sorted(parameters.items())])
    )
    return tables


def _score(scores: HeldOutScores, key: str, value: object) -> str:
    """Return a score as text; where an interval is missing, of how few groups it would have been."""
    if key in ("dice_low", "dice_high") and value is None:
        return f"– (groups: {scores.n_groups}, too few)"
    return _text(value)


def _given(value: object) -> str:
    """Return a parameter as text with all its digits: a rate of 0.0003 is none of 0.000."""
    return str(value) if isinstance(value, float) else _text(value)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:z.3f}"
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)
