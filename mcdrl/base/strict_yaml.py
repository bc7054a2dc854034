"""YAML as DVC reads it, which is version 1.2.

`1e-05` and `012` are numbers, 0.00001 and 12; `yes`, `on` and `1:30` are texts; a key that stands twice is an error.
What DVC refuses to read is refused here, too: `a:b` within brackets, unless it is quoted.

A text may nest a hundred deep and hold a hundred thousand values, those that its aliases repeat included, so that no
text of a few lines fills the memory or the stack of whoever walks through what it says.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular

_DEEPEST = 100
_MOST_VALUES = 100_000
_BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float"))
_NO_KEYS = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
_BASES = {"0b": 2, "0o": 8, "0x": 16}
_FORMS = {  # tag -> letters that it begins with, and form; the first that fits counts
    _BOOL: ("tTfF", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")),
    _FLOAT: (
        "-+0123456789.",
        re.compile(
            r"(?:[-+]?[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
            r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
    ),
    _INT: ("-+0123456789", re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)$")),
}


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        """Take a text."""
        super().__init__(text)
        self._depth = 0
        self._values = 0  # so far, aliases followed
        self._within: dict[int, int] = {}  # identity of a whole node -> how many values it stands for

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node.

        Raises:
            yaml.YAMLError: it nests too deeply, stands in itself, or makes too many values.
        """
        alias, before = self.check_event(yaml.AliasEvent), self._values
        start = self.get_mark()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.composer.ComposerError(None, None, f"nested more than {_DEEPEST} deep", start)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if alias and id(node) not in self._within:
            raise yaml.composer.ComposerError(None, None, "an alias stands in what it names", start)
        self._values += self._within[id(node)] if alias else 1
        if self._values > _MOST_VALUES:
            raise yaml.composer.ComposerError(None, None, f"more than {_MOST_VALUES} values", start)
        self._within[id(node)] = self._values - before
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node whose keys differ."""
        first: dict[Any, yaml.Node] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if (name := self._key(key)) in first:
                problem = f"key '{key.value}' stands twice, the first time in line {first[name].start_mark.line + 1}"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            first[name] = key
        return super().construct_mapping(node, deep=deep)

    def _key(self, node: yaml.ScalarNode) -> Any:
        """Return what a key says, so that `1` and `01` are one; of `<<` and `=`, which say something else, the text."""
        return node.value if node.tag in _NO_KEYS else self.construct_object(node)

    def scan_plain(self) -> yaml.ScalarToken:
        """Return the next text without quotes.

        Raises:
            yaml.YAMLError: a colon stands in it within brackets, where DVC takes it for that behind a key.
        """
        token = super().scan_plain()
        if self.flow_level and ":" in token.value:
            problem = f"DVC can't read a colon within brackets; put quotes around it: {json.dumps(token.value)}"
            raise yaml.scanner.ScannerError(None, None, problem, token.start_mark)
        return token

    def whole(self, node: Any) -> int:
        """Return the whole number that a node says: decimal, whatever it begins with, but for 0b, 0o and 0x."""
        text = self.construct_scalar(node).replace("_", "")
        digits = text[text[:1] in ("-", "+") :]
        base = _BASES.get(digits[:2], 10)
        return (-1 if text[0] == "-" else 1) * int(digits if base == 10 else digits[2:], base)

    def broken(self, node: Any) -> float:
        """Return the number that a node says, be it infinity or none."""
        text = self.construct_scalar(node).replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return first letter -> (tag, form) of what isn't a text although nobody says so, as YAML 1.2 has it."""
    kept = {
        letter: [(tag, form) for tag, form in forms if tag not in _FORMS]
        for letter, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for tag, (letters, form) in _FORMS.items():
        for letter in letters:
            kept[letter] = [*kept.get(letter, []), (tag, form)]
    return kept


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_constructor(_INT, _Loader.whole)
_Loader.add_constructor(_FLOAT, _Loader.broken)


def load_yaml(text: str) -> Any:
    """Return what a YAML text says.

    Raises:
        yaml.YAMLError: it isn't YAML, a key stands twice in a mapping, there is no such day, a number has thousands of
            digits, or the text is too deep or too large.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (ValueError, OverflowError, KeyError, AttributeError, TypeError) as error:
        # of a date such as 2024-13-40, a number of 5,000 digits, a value that isn't what its tag says
        raise yaml.YAMLError(f"a value can't be read: {error}") from None


def load_record(text: str) -> Any:
    """Return what a program wrote as YAML, by the parser in C where there is one: dvc.lock may have megabytes.

    Raises:
        yaml.YAMLError: it isn't YAML.
    """
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # a safe one


def read_yaml(path: Path) -> Any:
    """Return what a YAML file says.

    Raises:
        FileNotFoundError: it isn't there.
        InputError: it is a pipe, a socket or a device, or no YAML that `load_yaml` takes.
    """
    try:
        return load_yaml(regular(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {error}") from None
