"""Where sections of params.yaml, each right by itself, disagree with one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from mcdrl.base.choices import nearest
from mcdrl.study.variants import Variant


def disagreements(
    sections: Mapping[str, Any],
    *,
    sites: Iterable[str],
    lesion_classes: Iterable[str],
    variants: Mapping[str, Variant] = MappingProxyType({}),
    strengths: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> list[str]:
    """Return one sentence a disagreement.

    Args:
        sections: name -> the checked section; those that aren't right by themselves are left out.
        sites: the sites' names.
        lesion_classes: the classes.
        variants: name -> what it has otherwise than the section `train`.
        strengths: site -> the confounders whose strengths its table says.
    """
    problems = []
    if "audit" in sections:
        problems += _unknown_sites(sections["audit"].accepted, set(sites))
    if "ingest" in sections:
        asked = {"evaluate": sections["evaluate"].further_sizes_px} if "evaluate" in sections else {}
        asked |= _of_trainings(sections, variants, "further_sizes_px")
        problems += _size_twice(sections["ingest"].size_px, asked)
    if "build_confounders" in sections:
        problems += _phrases(set(sections["build_confounders"].class_phrases), set(lesion_classes))
        problems += _unknown_confounders(strengths, sections["build_confounders"].confounders)
    if {"build_confounders", "mine_regions"} <= set(sections):
        texts = [*lesion_classes, sections["build_confounders"].background]
        problems += _one_text(sections["mine_regions"].similarity, [text for text in texts if text is not None])
    if {"build_confounders", "train"} <= set(sections):
        wanted = _of_trainings(sections, variants, "phrases")
        problems += _too_few(wanted, sections["build_confounders"].confounders)
    return problems


def _of_trainings(sections: Mapping[str, Any], variants: Mapping[str, Variant], key: str) -> dict[str, Any]:
    """Return what the section `train`, if it is right, and the variants say of a key, by where it stands."""
    own = {f"variants.{name}.train": variant.train[key] for name, variant in variants.items() if key in variant.train}
    return ({"train": getattr(sections["train"], key)} if "train" in sections else {}) | own


def _size_twice(working_px: int, further_px: Mapping[str, Any]) -> list[str]:
    return [
        f"{where}.further_sizes_px: {working_px} is ingest.size_px, which always takes part; leave it out"
        for where, sides in further_px.items()
        if isinstance(sides, list) and working_px in sides
    ]


def _one_text(similarity: str, texts: list[str]) -> list[str]:
    told = (
        "mine_regions.similarity: feature_surgery subtracts what all texts have in common, and of one lesion class "
        "nothing is left; give build_confounders.background a phrase, such as normal mucosa, or use cosine"
    )
    return [told] * (similarity == "feature_surgery" and len(texts) == 1)


def _too_few(wanted: Mapping[str, Any], confounders: Mapping[str, Iterable[str]]) -> list[str]:
    there = sum(len(list(phrases)) for phrases in confounders.values())
    return [
        f"{where}.phrases: {number}, but build_confounders.confounders has {there}; add some, or use fewer"
        for where, number in wanted.items()
        if isinstance(number, int) and number > there
    ]


def _unknown_confounders(strengths: Mapping[str, Iterable[str]], dictionary: Mapping[str, Iterable[str]]) -> list[str]:
    """Return which strengths nothing could be held against; a known confounder may be missing in the dictionary."""
    from mcdrl.confounders.registry import phrases  # with numpy, which `--help` has no need of

    legal = {phrase for group in dictionary.values() for phrase in group} | set(phrases())
    return [
        f"sites.{site}: table_strengths: unknown confounder '{name}', neither in build_confounders.confounders "
        f"nor with an operator; {nearest(name, legal)}"
        for site, names in strengths.items()
        for name in names
        if name not in legal
    ]


def _unknown_sites(accepted: Iterable[Iterable[str]], sites: set[str]) -> list[str]:
    named = sorted({site for pair in accepted for site in pair} - sites)
    return [f"audit.accepted: unknown site '{site}'; {nearest(site, sites)}" for site in named]


def _phrases(given: set[str], classes: set[str]) -> list[str]:
    where = "build_confounders.class_phrases"
    lacking = [f"{where}: no phrase for the lesion class '{name}'; add one" for name in sorted(classes - given)]
    return lacking + [
        f"{where}: '{name}' is not among lesion_classes; {nearest(name, classes)}" for name in sorted(given - classes)
    ]
