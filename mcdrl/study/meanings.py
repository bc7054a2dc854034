"""What a mask's value may mean."""

from __future__ import annotations

from collections.abc import Mapping

BACKGROUND, IGNORE, LESION = "background", "ignore", "lesion"  # beside a lesion class


def classes_among(mask_values: Mapping[str, str] | None) -> set[str]:
    """Return the lesion classes that values stand for."""
    return set((mask_values or {}).values()) - {BACKGROUND, IGNORE, LESION}
