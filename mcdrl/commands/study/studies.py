"""`mcdrl studies`: which methods and seeds a study compares, chosen by name; each is a file in data/studies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from mcdrl.base.choices import nearest, unknown
from mcdrl.base.errors import InputError
from mcdrl.base.section import Section, Seed, validated
from mcdrl.base.strict_yaml import read_yaml
from mcdrl.methods import with_methods
from mcdrl.study.editing import edited, in_braces, plain, put_list
from mcdrl.study.paths import STUDIES, own_or_shipped
from mcdrl.study.variants import Variant


class Preset(Section):
    """A study by name.

    Attributes:
        title: what it asks, in a line.
        methods: files in mcdrl/methods, or variants.
        seeds: of the trainings.
        variants: that params.yaml may lack, or have otherwise.
        placebos: a method of the study -> those that are the same without what is said to work in it; what the one does
            is told as its difference from the other.
    """

    title: str
    methods: list[str] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1, max_length=1000)
    variants: dict[str, Variant] = Field(default_factory=dict)
    placebos: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _placebos(self) -> Self:
        """Check that a device and its placebos are trained."""
        named = [name for device, placebos in self.placebos.items() for name in (device, *placebos)]
        if problems := unknown("placebos", named, self.methods):
            raise ValueError("; ".join(problems))
        return self


def presets(folder: Path = STUDIES) -> dict[str, Preset]:
    """Return the studies by name.

    Raises:
        InputError: a file isn't a study, or there is none.
    """
    found = {path.stem: _preset(path) for path in sorted(own_or_shipped(folder).glob("*.yaml"))}
    if not found:
        raise InputError(f"there is no study in {folder}; run this in the folder that params.yaml is in")
    return found


@dataclass(frozen=True)
class ChosenCells:
    """What `use_study` wrote: the cells are all of its combinations."""

    methods: list[str]
    seeds: list[int]
    held_out: list[str]

    @property
    def cells(self) -> str:
        """The number of trainings, and what it is the product of."""
        counts = {"method": len(self.methods), "held-out site": len(self.held_out), "seed": len(self.seeds)}
        factors = " x ".join(_counted(number, noun) for noun, number in counts.items())
        return f"{_counted(prod(counts.values()), 'cell')}: {factors}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def use_study(
    path: Path,
    name: str,
    folder: Path = STUDIES,
    *,
    sites: Sequence[str] = (),
    seeds: Sequence[int] = (),
    methods: Sequence[str] = (),
) -> ChosenCells:
    """Write a study's methods and seeds into params.yaml, and those of its variants that it lacks; all else stays.

    Args:
        path: params.yaml.
        name: of the study.
        folder: where the studies are.
        sites: those that are held out in turn; none given: as params.yaml has it.
        seeds: instead of the study's; none given: the study's.
        methods: those of the study's that are taken; none given: all.

    Raises:
        InputError: there is no such study, it has no such method, a variant of that name is there and another one, or
            params.yaml can't be read or would not be valid afterwards.
    """
    found = presets(folder)
    if name not in found:
        raise InputError(f"unknown study '{name}'; {nearest(name, found)}")
    preset = found[name]
    for method in methods:
        if method not in preset.methods:
            raise InputError(f"--methods: the study {name} has no '{method}'; {nearest(method, preset.methods)}")
    with edited(path, with_methods) as params:
        put_list(params["methods"], methods or preset.methods)
        put_list(params["seeds"], seeds or preset.seeds)
        if sites:
            put_list(params["held_out"], sites)
        for variant, what in preset.variants.items():
            if variant in params["methods"] or not methods:
                _put(params.setdefault("variants", {}), variant, what, path)
        return ChosenCells(*(list(plain(params[key])) for key in ("methods", "seeds", "held_out")))


def _put(variants: Any, name: str, wanted: Variant, path: Path) -> None:
    if name not in variants:
        own = {"params": wanted.params, "train": wanted.train}
        given = {key: in_braces(values) for key, values in own.items() if values}
        variants[name] = in_braces({"method": wanted.method, **given})
    elif not _is(wanted, plain(variants[name])):
        raise InputError(
            f"{path} has another variant '{name}' than the study; rename or remove it: {dict(variants[name])}"
        )


def _is(wanted: Variant, entry: Any) -> bool:
    """Return whether an entry of `variants`, be it a wrong one, says the same."""
    with suppress(ValidationError):
        return Variant.model_validate(entry) == wanted
    return False


def _preset(path: Path) -> Preset:
    return validated(Preset, read_yaml(path), path)
