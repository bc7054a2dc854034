"""A variant: a method under a name of its own, with numbers of its own, so that several stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from mcdrl.base.section import Section


class Variant(Section):
    """What a name in `methods` stands for; a method's own name needs no entry.

    Attributes:
        method: a file's name in mcdrl/methods.
        params: what of the method's own numbers it has otherwise than `method_params.<method>` of params.yaml.
        train: what it has otherwise than the section `train` of params.yaml.
    """

    method: str = Field(min_length=1)
    params: dict[str, Any] = Field(default_factory=dict)
    train: dict[str, Any] = Field(default_factory=dict)


def resolved(name: str, variants: Mapping[str, Variant], train: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the file in mcdrl/methods that a name stands for, and its whole section `train`, unchecked.

    Args:
        name: of a variant, or of a file itself.
        variants: as params.yaml has them.
        train: the section `train` of params.yaml.
    """
    variant = variants.get(name, Variant(method=name))
    return variant.method, merged(train, variant.train)


def merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys and values of `base`, overridden by those of `own`; mappings inside are merged likewise."""
    inner = {
        key: merged(base[key], value)
        for key, value in own.items()
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **own, **inner}
