"""The one exception that means: the user's input is wrong, not the program."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """A file, a parameter or an option of the user's can't be used; ends a command with exit code 2.

    The message is for a person: what is wrong, where, the value, what was expected, the fix.
    """


def nearest(name: str, legal: Iterable[str]) -> str:
    """Return a clause that names the legal choices, the closest one first if one is close."""
    choices = sorted(legal)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}legal: {', '.join(choices) or 'none'}"
