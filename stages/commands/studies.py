"""`mcdrl studies`: which methods and seeds a study compares, chosen by name; each is a file in data/studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError
from ruamel.yaml.comments import CommentedMap

from stages.commands.editing import edited
from stages.core.base.errors import InputError, nearest
from stages.core.base.params import sentences
from stages.core.base.section import Section
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
        InputError: a file isn't a study.
    """
    return {path.stem: _preset(path) for path in sorted(folder.glob("*.yaml"))}


def use_study(path: Path, name: str, folder: Path = FOLDER) -> Preset:
    """Write a study's methods, seeds and variants into params.yaml; what else is there stays as it is.

    Args:
        path: params.yaml.
        name: of the study.
        folder: where the studies are.

    Raises:
        InputError: there is no such study, or params.yaml can't be read or would not be valid afterwards.
    """
    found = presets(folder)
    if name not in found:
        raise InputError(f"unknown study '{name}'; {nearest(name, found)}")
    preset = found[name]
    with edited(path) as params:
        params["methods"][:] = preset.methods
        params["seeds"][:] = preset.seeds
        for variant, what in preset.variants.items():
            params["variants"][variant] = _flow({"method": what.method, "train": _flow(what.train)})
    return preset


def _flow(values: dict[str, Any]) -> CommentedMap:
    entry = CommentedMap(values)
    entry.fa.set_flow_style()
    return entry


def _preset(path: Path) -> Preset:
    try:
        return Preset.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise InputError(f"{path} isn't YAML: {error}") from None
    except ValidationError as error:
        raise InputError(f"{path}: " + "; ".join(sentences(error, "", Preset))) from None
