"""The lesion classes of params.yaml: those that its sites can have, in step with the phrases that stand for them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_any_json
from mcdrl.base.output import say
from mcdrl.study.editing import plain, put_list
from mcdrl.study.meanings import NO_CLASS
from mcdrl.study.params import Site, load_study, resolve
from mcdrl.study.paths import PARAMS, own_or_shipped
from mcdrl.study.reading import Reading, merge
from mcdrl.study.site_cards import read_card

DEFAULT = "lesion"
_TYPO = 0.75  # likeness from which a new class is taken for a misspelt one; tumour and tumor have 0.91


def with_class(values: Mapping[str, Any], root: Path, otherwise: str = DEFAULT) -> dict[str, Any]:
    """Return a site's keys with a lesion class where neither they nor the card name one, and say which.

    It is the one that nnU-Net's dataset.json names, or else another.

    Args:
        values: the keys of `Site`, with its card.
        root: the site's folder.
        otherwise: the class that it is then.

    Raises:
        InputError: there is no such card, or dataset.json can't be read or names several classes.
    """
    if names_class(values):
        return dict(values)
    named = _labels(root / "dataset.json")
    if len(named) > 1:
        raise InputError(
            f"{root / 'dataset.json'} names {len(named)} classes: {', '.join(named)}; "
            "say which class the site's lesions have, --lesion-class, or what its masks' values mean, mask_values"
        )
    chosen = named[0] if named else otherwise
    why = "as dataset.json calls them" if named else "as no class is given; --lesion-class names another"
    say(f"every lesion of the site is of the class '{chosen}', {why}")
    return {**values, "lesion_class": chosen}


def names_class(values: Mapping[str, Any]) -> bool:
    """Return whether a site's keys or its card name a lesion class, or can't be read.

    Args:
        values: the keys of `Site`, with its card.

    Raises:
        InputError: there is no such card.
    """
    own = {key: value for key, value in values.items() if key in Reading.model_fields}
    merged = merge(read_card(values["card"]).read.model_dump(exclude_unset=True), own)
    try:
        return bool(Reading.model_validate(merged).class_rules())
    except ValidationError:  # whoever reads the keys next says what is wrong with them
        return True


def known_classes(typed: Mapping[str, Any]) -> list[str]:
    """Return the lesion classes that the study has, and the one that was typed.

    Raises:
        InputError: params.yaml has errors.
    """
    given = typed.get("lesion_class")
    return [*load_study(own_or_shipped(PARAMS)).lesion_classes, *([str(given)] if given is not None else [])]


def new_classes(known: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the classes wanted that aren't known yet.

    Raises:
        InputError: one is so like a known class, whatever their case, that it may be misspelt, or like another one
            but for its case.
    """
    there, found = list(known), dict[str, str]()
    folded = {name.casefold(): name for name in reversed(there)}
    for name in (one for one in dict.fromkeys(wanted) if one not in there):
        close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=_TYPO)
        if close:
            raise InputError(
                f"unknown lesion class '{name}'; did you mean '{folded[close[0]]}'? If it is another class, add it to "
                "lesion_classes and build_confounders.class_phrases in params.yaml first"
            )
        other = found.setdefault(name.casefold(), name)
        if other != name:
            raise InputError(f"lesion classes '{other}' and '{name}' differ in case alone; write both in one way")
    return list(found.values())


def add_classes(params: Any, wanted: Iterable[str]) -> list[str]:
    """Add classes, each with its name as its phrase, to the contents of params.yaml; return those that are new.

    Raises:
        InputError: as `new_classes`.
    """
    added = new_classes(params["lesion_classes"], wanted)
    put_list(params["lesion_classes"], [*params["lesion_classes"], *added])
    for name in added:
        _phrases(params).setdefault(name, name.replace("_", " "))
    return added


def drop_classes(params: Any, removed: Iterable[Mapping[str, Any]]) -> list[str]:
    """Take the classes that went with removed sites, and that no site left can have, out of params.yaml's contents.

    Args:
        params: the contents, without the sites removed.
        removed: the entries of those.

    Returns:
        The classes taken out; one at least stays.
    """
    left, gone = possible(map(plain, params["sites"].values())), possible(removed)
    if left is None:
        return []
    classes = params["lesion_classes"]
    dropped = [str(name) for name in classes if name not in left and (gone is None or name in gone)]
    if len(dropped) == len(classes):
        return []
    put_list(classes, [name for name in classes if name not in dropped])
    for name in dropped:
        _phrases(params).pop(name, None)
    return dropped


def possible(entries: Iterable[Mapping[str, Any]]) -> set[str] | None:
    """Return the classes that sites can have, by their entries in params.yaml; None: any, by what a table says."""
    found: set[str] = set()
    for entry in entries:
        try:
            reading = resolve(Site.model_validate(dict(entry)))
        except (InputError, ValidationError):
            return None
        if reading.open_classes:
            return None
        found |= set(reading.classes())
    return found


def _phrases(params: Any) -> Any:
    section = params.get("build_confounders") or {}
    if not section.get("class_phrases"):
        raise InputError("params.yaml: build_confounders.class_phrases: missing; give each of lesion_classes a phrase")
    return section["class_phrases"]


def _labels(path: Path) -> list[str]:
    """Return the classes that nnU-Net's description of a data set names; empty: there is none.

    Its version 2 has class -> value, or values, and version 1 value -> class; 0 is the background. JSON of another form
    and a folder are none of nnU-Net's.

    Raises:
        InputError: the file is there and damaged.
    """
    if not path.exists() or path.is_dir():
        return []
    content = read_any_json(path, "mend it, or say which class the site's lesions have, --lesion-class")
    labels = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(labels, dict):
        return []
    by_value = bool(labels) and all(isinstance(one, str) and not _is_number(one) for one in labels.values())
    pairs = [(value, name) if by_value else (name, value) for name, value in labels.items()]
    lesions = [str(name) for name, value in pairs if str(value) != "0"]
    return [name for name in lesions if name.casefold() not in NO_CLASS]


def _is_number(text: str) -> bool:
    return text.strip().isdecimal()
