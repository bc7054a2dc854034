"""The one exception that means: the user's input is wrong, not the program."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable
from typing import Any

_SHOWN = 200  # letters
_NO_MEMORY = (
    "out of memory", "can't allocate memory", "ALLOC_FAILED",  # torch's
    "can't start new thread", "Failed to launch worker thread",  # Python's and Arrow's: a thread takes memory, too
    "failed to map segment", "memory allocation failed",  # the loader's of libraries, HDF5's
)  # fmt: skip


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


def unknown(where: str, names: Iterable[str], legal: Iterable[str]) -> list[str]:
    """Return a sentence for each name that isn't legal, with the legal ones."""
    known = set(legal)
    return [f"{where}: unknown '{name}'; {nearest(name, known)}" for name in names if name not in known]


def shown(value: Any) -> str:
    """Return a value as Python writes it, cut to what a message has room for."""
    try:
        text = repr(value)
    except ValueError:  # Python doesn't write out a number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def lacks_memory(error: Exception) -> bool:
    """Return whether an error of any library's says that the memory, the processor's or a GPU's, is used up."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return any(words in str(error) for words in _NO_MEMORY)
