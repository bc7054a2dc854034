"""Text that others chose, such as names of files and words of a card, made harmless where people read it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # steer a terminal, turn text round, or show nothing
_JOINERS = "\u200c\u200d"  # parts of words in Persian and in the scripts of India
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")  # what a spreadsheet computes, or has been told not to
_MARKDOWN = re.compile(r"[\\`*~\[\]<>|&]|(?<![^\W_])_|_(?![^\W_])")
_APOSTROPHE = "'"
_MOST_DIGITS = 18  # of a number that anything here is counted by


def printable(text: str, keep: str = "") -> str:
    r"""Return a text that does nothing to a terminal: control and invisible characters as escapes such as `\x1b`.

    Bytes of a file's name that are no UTF-8 become escapes, too (0xff: `\udcff`). Letters of all scripts stay.

    Args:
        text: from anywhere.
        keep: characters that stay all the same, such as a line's end.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(letter) if _hidden(letter) and letter not in keep else letter for letter in text)


def spreadsheet_cell(value: Any) -> Any:
    """Return what a spreadsheet shows instead of computing: an apostrophe stands before a text that is a formula.

    A formula begins with `=`, `+`, `-`, `@`, a tab or a line's end. What is no text, such as a number, stays.
    """
    return _APOSTROPHE + value if isinstance(value, str) and _FORMULA.match(value) else value


def from_spreadsheet_cell(text: str) -> str:
    """Return the text that `spreadsheet_cell` made this of."""
    return text[1:] if text.startswith(_APOSTROPHE) and _FORMULA.match(text) else text


def markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, in a paragraph, a heading or a table's cell; see `printable`.

    An underscore inside a word, as in kvasir_seg, means nothing there and stays.
    """
    return _MARKDOWN.sub(r"\\\g<0>", printable(text))


def whole_number(text: str) -> int | None:
    """Return the number, 0 or more, that a text of ASCII digits writes; None: it is another text, or too long."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _HIDDEN and letter not in _JOINERS


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
