"""What goes to the terminal: lines and cells of tables, whatever stands in the names that they show."""

from __future__ import annotations

import sys

from rich.style import Style
from rich.text import Text

from mcdrl.base.text import printable


def say(text: str) -> None:
    """Print lines on stdout; see `printable`."""
    print(printable(text, keep="\n"), flush=True)


def warn(text: str) -> None:
    """Print lines on stderr; see `printable`."""
    print(printable(text, keep="\n"), file=sys.stderr, flush=True)


def cell(text: object, style: str | Style = "") -> Text:
    """Return a table's cell, or a line, that shows a text as it is: no markup, no control characters."""
    return Text(printable(str(text), keep="\n"), style)
