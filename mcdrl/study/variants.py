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
        train: what it has otherwise than the section `train` of params.yaml.
    """

    method: str = Field(min_length=1)
    train: dict[str, Any] = Field(default_factory=dict)


def resolved(name: str, variants: Mapping[str, Variant], train: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the file in mcdrl/methods that a name stands for, and its whole `train` section, unchecked.

    Args:
        name: of a variant, or of a file itself.
        variants: as params.yaml has them.
        train: the section `train` of params.yaml.
    """
    variant = variants.get(name, Variant(method=name))
    return variant.method, {**train, **variant.train}
