"""YAML as DVC reads it: `1e-05` is a number, and a key that stands twice is an error.

A text may nest a hundred deep and hold a hundred thousand values, those that its aliases repeat included, so that no
text of a few lines fills the memory or the stack of whoever walks through what it says.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from mcdrl.base.errors import InputError
from mcdrl.base.files import regular

_DEEPEST = 100
_MOST_VALUES = 100_000


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
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        twice = [key for key, count in keys.items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"key '{twice[0]}' stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


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
