"""Tables and settings on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from mcdrl.base.errors import InputError
from mcdrl.base.output import cell
from mcdrl.base.strict_yaml import load_yaml
from mcdrl.base.text import printable
from mcdrl.commands.doctor.check import NOTE, OK, PROBLEM, Check
from mcdrl.study.params import Site

if TYPE_CHECKING:
    from mcdrl.commands.models.inspect import PrintedTable

_TEXTS = frozenset(key for key, field in Site.model_fields.items() if field.annotation in (str, str | None))
_NOTHING = ("", "~", "null", "Null", "NULL")
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_COMMENT = re.compile(r"\s#")  # what YAML leaves out from there on
_STYLES = {OK: "green", NOTE: "yellow", PROBLEM: "bold red"}


def show_checks(checks: Sequence[Check]) -> None:
    """Print the rows of `mcdrl doctor`."""
    table = Table("what", "", "found", "fix", box=None, pad_edge=False)
    for check in checks:
        table.add_row(cell(check.what), cell(check.status, _STYLES[check.status]), cell(check.found), cell(check.fix))
    Console().print(table)


def show_table(shown: PrintedTable) -> None:
    """Print a table of `mcdrl inspect`."""
    heads = [printable(escape(head)) for head in shown.heads]
    table = Table(*heads, title=cell(shown.title), title_justify="left", box=None, pad_edge=False)
    for row in shown.rows:
        table.add_row(*map(cell, row))
    for column in table.columns:
        column.overflow = "fold"
    Console().print(table)


def show_text(markdown: str) -> None:
    """Print a text that is laid out as Markdown."""
    Console().print(Markdown("\n".join(map(printable, markdown.splitlines()))))


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE texts; values are read as YAML, so numbers are numbers; those of keys that hold a text stay texts.

    A `#` in a text begins no comment, as names of files may have it.

    Raises:
        InputError: a text isn't of that form, or two give one key.
    """
    found: dict[str, Any] = {}
    told: dict[str, str] = {}
    for text in settings:
        key, mark, value = text.partition("=")
        if not mark or not key:
            raise InputError(f"--set {text}: expected KEY=VALUE, such as lesion_class=polyp")
        if key in told:
            raise InputError(f"{key} is given twice, {told[key]} and {text}; give it once")
        told[key] = text
        found[key] = _setting(key, value)
    return found


def _setting(key: str, value: str) -> Any:
    """Return what the text behind `KEY=` says.

    Raises:
        InputError: it isn't YAML, and the key doesn't hold a text.
    """
    text = value.strip()
    if text in _NOTHING:
        return None
    quoted = _QUOTED.fullmatch(text) is not None
    if key in _TEXTS and not quoted:
        return text
    try:
        said = load_yaml(value)
    except yaml.YAMLError:
        if key in _TEXTS:
            return text
        told = f"'{key}={json.dumps(value, ensure_ascii=False)}'"
        raise InputError(f"--set {key}={value}: the value is not valid YAML; if it is a text: --set {told}") from None
    return text if isinstance(said, str) and not quoted and _COMMENT.search(text) else said
