"""The section `build_confounders` of params.yaml."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from mcdrl.base.section import Section

_LONGEST = 1000  # letters of a sentence or phrase; encoders read 77 tokens of it
_MOST_PHRASES = 4096  # as many as a model's card holds
_PLACES = {
    "class_template": ("class",),
    "confounder_template": ("domain",),
    "class_confounder_template": ("class", "domain"),
}


class Params(Section):
    """The prompts.

    Attributes:
        class_template: sentence about a lesion class, with {class}.
        class_phrases: lesion class -> what stands for {class}.
        background: what stands for {class} where there is no lesion; regions are mined by the difference. None: by
            the classes alone, as in the paper.
        confounder_template: sentence about a confounder, with {domain}.
        class_confounder_template: sentence about a class seen with a confounder, with {class} and {domain}.
        confounders: category -> what stands for {domain}, a phrase a confounder. Any phrase may; those of
            `mcdrl.confounders.registry` have an operator, so that stress can draw them.
    """

    class_template: str
    class_phrases: dict[str, str] = Field(min_length=1)
    background: str | None
    confounder_template: str
    class_confounder_template: str
    confounders: dict[str, list[str]] = Field(min_length=1)

    @field_validator(*_PLACES)
    @classmethod
    def _has_places(cls, template: str, info: ValidationInfo) -> str:
        _check_lengths([template])
        wanted = sorted(_PLACES[str(info.field_name)])
        if sorted(re.findall(r"\{([^{}]*)\}", template)) != wanted:
            raise ValueError(
                f"must contain {' and '.join(f'{{{place}}}' for place in wanted)} once, and no other braces"
            )
        return template

    @field_validator("class_phrases")
    @classmethod
    def _phrases_differ(cls, phrases: dict[str, str]) -> dict[str, str]:
        _check(list(phrases.values()))
        return phrases

    @model_validator(mode="after")
    def _background_differs(self) -> Self:
        if self.background is not None:
            _check([*self.class_phrases.values(), self.background])
        return self

    @field_validator("confounders")
    @classmethod
    def _confounders_differ(cls, confounders: dict[str, list[str]]) -> dict[str, list[str]]:
        empty = [category for category, phrases in confounders.items() if not phrases]
        if empty:
            raise ValueError(f"category '{empty[0]}' has no phrase; give it one or leave it out")
        every = [phrase for phrases in confounders.values() for phrase in phrases]
        if len(every) > _MOST_PHRASES:
            raise ValueError(f"{len(every):,} phrases; {_MOST_PHRASES:,} at most are what a model's card holds")
        _check_lengths(list(confounders))
        _check(every)
        _check_spelling(every)
        return confounders


def _check_spelling(phrases: list[str]) -> None:
    from mcdrl.confounders.registry import respelled  # with numpy, which `--help` has no need of

    for phrase in phrases:
        known = respelled(phrase)
        if known is not None:
            raise ValueError(f"'{phrase}' is the confounder '{known}'; write '{known}', as stress and site cards do")


def _check_lengths(phrases: list[str]) -> None:
    longest = max(phrases, key=len)
    if len(longest) > _LONGEST:
        raise ValueError(f"a text has {len(longest):,} letters; {_LONGEST:,} at most, as encoders read the first few")


def _check(phrases: list[str]) -> None:
    _check_lengths(phrases)
    blank = [phrase for phrase in phrases if not phrase.strip()]
    if blank:
        raise ValueError("a phrase is empty; write a word or leave it out")
    plain = [" ".join(phrase.lower().split()) for phrase in phrases]
    twice = [phrase for phrase in plain if plain.count(phrase) > 1]
    if twice:
        raise ValueError(f"'{twice[0]}' stands twice; each phrase may stand once")
