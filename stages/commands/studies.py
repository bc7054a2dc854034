"""`mcdrl studies`: which methods and seeds a study compares, chosen by name; each is a file in data/studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError
from ruamel.yaml.comments import CommentedMap

from stages.commands.editing import edited
from stages.core.base.errors import InputError, nearest
from stages.core.base.files import regular
from stages.core.base.section import Section, sentences
from stages.core.base.strict_yaml import load_yaml
from stages.core.base.variants import Variant

FOLDER = Path("data/studies")


class Preset(Section):
    """A study by name.

    Attributes:
        title: what it asks, in a line.
        methods: files in stages/core/methods, or variants.
        seeds: of the trainings.
        variants: that params.yaml may lack, or have otherwise.
    """

    title: str
    methods: list[str] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    variants: dict[str, Variant] = Field(default_factory=dict)


def presets(folder: Path = FOLDER) -> dict[str, Preset]:
    """Return the studies by name.

    Raises:
        InputError: a file isn't a study, or there is none.
    """
    found = {path.stem: _preset(path) for path in sorted(folder.glob("*.yaml"))}
    if not found:
        raise InputError(f"there is no study in {folder}; run this in the folder that params.yaml is in")
    return found


def use_study(path: Path, name: str, folder: Path = FOLDER) -> Preset:
    """Write a study's methods and seeds into params.yaml, and those of its variants that it lacks; all else stays.

    Args:
        path: params.yaml.
        name: of the study.
        folder: where the studies are.

    Raises:
        InputError: there is no such study, a variant of that name is there and another one, or params.yaml can't be
            read or would not be valid afterwards.
    """
    found = presets(folder)
    if name not in found:
        raise InputError(f"unknown study '{name}'; {nearest(name, found)}")
    preset = found[name]
    with edited(path) as params:
        params["methods"][:] = preset.methods
        params["seeds"][:] = preset.seeds
        for variant, what in preset.variants.items():
            _put(params["variants"], variant, what, path)
    return preset


def _put(variants: Any, name: str, wanted: Variant, path: Path) -> None:
    if name not in variants:
        variants[name] = _flow({"method": wanted.method, "train": _flow(wanted.train)})
    elif Variant.model_validate(dict(variants[name])) != wanted:
        raise InputError(
            f"{path} has another variant '{name}' than the study; rename or remove it: {dict(variants[name])}"
        )


def _flow(values: dict[str, Any]) -> CommentedMap:
    entry = CommentedMap(values)
    entry.fa.set_flow_style()
    return entry


def _preset(path: Path) -> Preset:
    try:
        return Preset.model_validate(load_yaml(regular(path).read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise InputError(f"{path} isn't YAML: {error}") from None
    except ValidationError as error:
        raise InputError(f"{path}: " + "; ".join(sentences(error, "", Preset))) from None
