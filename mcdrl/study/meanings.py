"""What a mask's value may mean."""

from __future__ import annotations

from collections.abc import Mapping

BACKGROUND, IGNORE, LESION = "background", "ignore", "lesion"  # beside a lesion class


def drawn_classes(mask_values: Mapping[str, str] | None, lesion_class: str | None) -> set[str]:
    """Return the lesion classes that values stand for, beside that of every lesion of the site."""
    return set((mask_values or {}).values()) - {BACKGROUND, IGNORE, LESION, lesion_class}
