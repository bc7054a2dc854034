"""The `deploy` section of params.yaml."""

from __future__ import annotations

from pydantic import Field, field_validator

from mcdrl.base.section import Section, Seed, distinct


class Params(Section):
    """Which networks are trained on all sites, to be used at hospitals that nobody has seen.

    Attributes:
        methods: names of variants, or of methods, that need not be in the study; empty: none is trained.
        seeds: one training a seed; several are an ensemble, which answers by their mean.
    """

    methods: list[str]
    seeds: list[Seed] = Field(min_length=1, max_length=1000)

    _once = field_validator("methods", "seeds")(distinct)
