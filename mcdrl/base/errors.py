"""The one exception that means: the user's input is wrong, not the program."""

from __future__ import annotations

import errno
import re
from typing import Any

_SHOWN = 200  # letters
_LONG_WORD = re.compile(rf"\S{{{_SHOWN + 1},}}")
_NO_MEMORY = (
    "out of memory", "can't allocate memory", "ALLOC_FAILED",  # torch's
    "can't start new thread", "Failed to launch worker thread",  # Python's and Arrow's: a thread takes memory, too
    "failed to map segment", "memory allocation failed",  # the loader's of libraries, HDF5's
)  # fmt: skip


class InputError(Exception):
    """A file, a parameter or an option of the user's can't be used; ends a command with exit code 2.

    The message is for a person: what is wrong, where, the value, what was expected, the fix.
    """


def shown(value: Any) -> str:
    """Return a value as Python writes it, cut to what a message has room for."""
    try:
        text = repr(value)
    except ValueError:  # Python doesn't write out a number of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def brief(message: str) -> str:
    """Return a message whose words are cut as `shown` cuts a value: names that others chose may have any length."""
    return _LONG_WORD.sub(lambda word: f"{word[0][:_SHOWN]}...", message)


def lacks_memory(error: Exception) -> bool:
    """Return whether an error of any library's says that the memory, the processor's or a GPU's, is used up."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return any(words in str(error) for words in _NO_MEMORY)
