"""What a mask's value may mean, and which words name no lesion class."""

from __future__ import annotations

from collections.abc import Mapping

from mcdrl.study.paths import LONGEST_NAME

BACKGROUND, IGNORE, LESION = "background", "ignore", "lesion"  # beside a lesion class
NO_CLASS = frozenset((BACKGROUND, IGNORE, "none", "null"))
"""Words that say that there is no lesion class, in small letters."""


def drawn_classes(mask_values: Mapping[str, str] | None, lesion_class: str | None) -> set[str]:
    """Return the lesion classes that values stand for, beside that of every lesion of the site."""
    return set((mask_values or {}).values()) - {BACKGROUND, IGNORE, LESION, lesion_class}


def unfit_class(name: str) -> str | None:
    """Return why a name can't be a lesion class's; None: it can."""
    if not name.strip():
        return "a blank is no lesion class"
    if name.strip().casefold() in NO_CLASS:
        return f"'{name}' is no lesion class"
    if len(name) > LONGEST_NAME:
        return f"a lesion class has {LONGEST_NAME} letters at most, this one {len(name)}"
    return None
