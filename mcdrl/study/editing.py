"""Editing params.yaml without disturbing its comments, and never into something that isn't valid."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.representer import RoundTripRepresenter

from mcdrl.base.files import atomic
from mcdrl.base.strict_yaml import load_yaml
from mcdrl.study.params import Further, check, read_params


class _Prompts(BaseModel):
    """What commands edit of `build_confounders`."""

    model_config = ConfigDict(strict=True)

    class_phrases: dict[str, Any] | None = None


class _Editable(BaseModel):
    """What commands edit of params.yaml, as far as they rely on it: what else is wrong, an edit may mend."""

    model_config = ConfigDict(strict=True)

    sites: dict[str, dict[str, Any]]
    held_out: list[Any]
    lesion_classes: list[str]
    methods: list[Any]
    variants: dict[str, dict[str, Any]] = {}
    seeds: list[Any]
    build_confounders: _Prompts | None = None


@contextmanager
def edited(path: Path, further: Further | None = None) -> Iterator[Any]:
    """Give the contents of params.yaml to be changed in place, and write them back when the context ends.

    The file stays as it was if an error is raised inside, or if the result would not be valid.

    Args:
        path: params.yaml.
        further: as that of `mcdrl.study.params.check`.

    Raises:
        InputError: the file can't be read, holds something else where an edit may go, or would not be valid afterwards.
    """
    _check_kinds(read_params(path), path, further)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.Representer = _Representer
    params = yaml.load(path.read_text(encoding="utf-8"))
    yield params
    with atomic(path) as partial:
        with partial.open("w", encoding="utf-8") as stream:
            yaml.dump(params, stream)
        check(read_params(partial), path, further)


def _check_kinds(raw: dict[str, Any], path: Path, further: Further | None) -> None:
    try:
        _Editable.model_validate(raw)
    except ValidationError:
        check(raw, path, further)  # which refuses it, too, with all that is wrong


def plain(node: Any) -> Any:
    """Return a part of what `edited` gives as plain values, without what it remembers of comments and layout."""
    text = io.StringIO()
    YAML().dump(node, text)
    return load_yaml(text.getvalue())


def in_braces(values: dict[str, Any]) -> CommentedMap:
    """Return keys and values as an entry of params.yaml on one line: {key: value, ...}."""
    entry = CommentedMap(values)
    entry.fa.set_flow_style()
    return entry


class _Representer(RoundTripRepresenter):
    """Writes null as null rather than as nothing, so that no line changes that nobody has touched."""

    def represent_none(self, _data: None) -> Any:
        """Return the node of an empty value."""
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_none)
