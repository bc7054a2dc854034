"""What to choose instead of a name that isn't legal; such words also stand in tables, as why a frame can't be used."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def nearest(name: str, legal: Iterable[str], renamed: Mapping[str, str] | None = None) -> str:
    """Return a clause that names the legal choices, the closest one first if one is close.

    Args:
        name: that isn't legal.
        legal: the choices.
        renamed: earlier names -> those that they have now.
    """
    choices = sorted(legal)
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    if renamed and name in renamed:
        hint = f"it is called '{renamed[name]}' now; "
    return f"{hint}legal: {', '.join(choices) or 'none'}"


def unknown(
    where: str, names: Iterable[str], legal: Iterable[str], renamed: Mapping[str, str] | None = None
) -> list[str]:
    """Return a sentence for each name that isn't legal, with the legal ones; `renamed` as for `nearest`."""
    known = set(legal)
    return [f"{where}: unknown '{name}'; {nearest(name, known, renamed)}" for name in names if name not in known]
