"""Editing params.yaml without disturbing its comments, and never into something that isn't valid."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.emitter import Emitter
from ruamel.yaml.error import CommentMark
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.tokens import CommentToken

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic
from mcdrl.base.locks import one_at_a_time
from mcdrl.base.strict_yaml import load_yaml
from mcdrl.study.params import Further, check, read_params

_INDENTED = re.compile(r"^( *)[^\s#-][^\n]*:[^\n]*\n(?: *(?:#[^\n]*)?\n)*\1  - ", re.MULTILINE)  # a key, then a dash

_BEFORE = re.compile(r"(?:%YAML[^\n]*\n|[ \t]*(?:#[^\n]*)?\n)*---(?:[ \t]+#[^\n]*|[ \t]*)\n")  # up to ---
_BEHIND = re.compile(r"^\.\.\.(?:[ \t]+#[^\n]*|[ \t]*)(?:\n(?:[ \t]*#[^\n]*|[ \t]*))*\Z", re.MULTILINE)  # from ... on


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

    The file stays as it was if an error is raised inside, or if the result would not be valid. Its mode and its line
    ends stay; where it is a link, what that leads to is written. Lists are changed by `put_list`. Of two edits at once
    one waits for the other, so that both are there.

    Args:
        path: params.yaml.
        further: as that of `mcdrl.study.params.check`.

    Raises:
        InputError: the file can't be read, holds something else where an edit may go, has a comment that would be lost,
            or would not be valid afterwards.
    """
    read_params(path)  # a link to nowhere has no folder to lock
    with one_at_a_time(path.resolve().parent), _edited(path, further) as params:
        yield params


@contextmanager
def _edited(path: Path, further: Further | None) -> Iterator[Any]:
    _check_kinds(read_params(path), path, further)
    before, text, behind = _parted(path.read_text(encoding="utf-8"))
    line_end = _line_end(path.read_bytes())
    params = _yaml().load(text)
    indented = _INDENTED.search(text) is not None
    _check_comments(before + text, before + _written(params), path)
    between = _taken_off(params)
    yield params
    for lines in between:
        lines.put()
    target = path.resolve()
    with atomic(target) as partial:
        partial.write_text(before + _written(params, indented=indented) + behind, encoding="utf-8", newline=line_end)
        partial.chmod(S_IMODE(target.stat().st_mode))
        check(read_params(partial), path, further)


def _check_kinds(raw: dict[str, Any], path: Path, further: Further | None) -> None:
    try:
        _Editable.model_validate(raw)
    except ValidationError:
        check(raw, path, further)  # which refuses it, too, with all that is wrong


def _line_end(text: bytes) -> str:
    """Return how most lines of a text end."""
    return "\r\n" if 2 * text.count(b"\r\n") > text.count(b"\n") else "\n"


def _parted(text: str) -> tuple[str, str, str]:
    """Return what stands up to ---, where there is one, the document, and what stands from ... on."""
    before, behind = _BEFORE.match(text), _BEHIND.search(text)
    start, end = before.end() if before else 0, behind.start() if behind else len(text)
    return text[:start], text[start:end], text[end:]


def _check_comments(text: str, written: str, path: Path) -> None:
    """Raise InputError where params.yaml, written without a change, lacks a comment: one among values in brackets."""
    if written.count("#") < text.count("#"):
        lines = [(k, line) for k, line in enumerate(text.splitlines(), 1) if "#" in line]
        lost = [f", line {k}" for k, line in lines if line[line.index("#") :] not in written]
        raise InputError(
            f"{path}{''.join(lost[:1])}: a comment stands within brackets, where an edit would lose it; put it above "
            "them, or the values below one another, each behind a dash or with its key"
        )


def plain(node: Any) -> Any:
    """Return a part of what `edited` gives as plain values, without what it remembers of comments and layout."""
    return load_yaml(_written(node))


def _written(node: Any, *, indented: bool = False) -> str:
    """Return the text of what `edited` gives, or of a part of it; dashes stand below their key, or further right."""
    yaml, text = _yaml(), io.StringIO()
    if indented:
        yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(node, text)
    return text.getvalue()


def put_list(names: Any, values: Sequence[Any]) -> None:
    """Let a list of params.yaml hold other values: comments go with the values that they stand behind or above.

    A list that nothing is left in is written as [], without comments.

    Args:
        names: a list of what `edited` gives.
        values: what it holds afterwards; those that it holds already stay written as they are.
    """
    before, width = list(names), _width(names)
    if before == list(values):
        return
    behind = [names.ca.items.get(place, [None])[0] for place in range(len(before))]
    places = [before.index(value) if value in before else None for value in values]
    head = _head(names)
    lines = ["".join(map(_line, head)), *(_parts(token)[1] for token in behind)]  # above each value
    above = ["" if place is None else lines[place] for place in places]
    names[:] = [value if place is None else before[place] for place, value in zip(places, values, strict=True)]
    names.ca.items.clear()
    head.clear()
    for here, (place, below) in enumerate(zip(places, [*above[1:], ""], strict=False)):
        token = None if place is None else behind[place]
        names.ca.items[here] = [_comment(_parts(token)[0], below, token), None, None, None]
    if values and above[0]:
        names.ca.items[0][1] = [CommentToken(above[0], CommentMark(0), None)]
    token = (names.ca.comment or [None])[0]
    if token is not None and names.fa.flow_style():  # keeps its distance from the bracket
        token.start_mark.column += _width(names) - width
    if not values:
        names.fa.set_flow_style()


def _head(names: Any) -> list[Any]:
    """Return the comments between a list's key and its first value, as ruamel.yaml keeps them; to be changed in place.

    Those that go on below a comment behind the key are about the list, and none of them.
    """
    kept = [] if names.fa.flow_style() else names.ca.comment or []
    return next((tokens for tokens in kept[1:2] if tokens), [])


def _line(token: Any) -> str:
    return f"{'':{token.start_mark.column}}{token.value}"


def _width(names: Any) -> int:
    return len(", ".join(map(str, names)))


def _parts(token: Any) -> tuple[str, str]:
    """Return the comment behind a value, and the lines below it, which are about what comes next."""
    own, _, below = ("" if token is None else token.value).partition("\n")
    return own, below


def _comment(own: str, below: str, like: Any = None) -> Any:
    """Return both as ruamel.yaml keeps them, in another comment's place where there is one; None: there is nothing."""
    if like is not None and own:
        like.value = f"{own}\n{below}"
        return like
    if not own and not below:
        return None
    return CommentToken(f"{own}\n{below}", CommentMark(like.start_mark.column if like else 0), None)


@dataclass(frozen=True)
class _Between:
    """Lines between two entries of a mapping: comments and blank lines.

    Attributes:
        entries: the mapping.
        above: the key of the entry above them; behind it, or behind the last line of its value, they are kept.
        below: that of the entry below them, which they are about; None: there is none in this mapping.
        lines: as they stand.
    """

    entries: Any
    above: Any
    below: Any
    lines: str

    def put(self) -> None:
        """Put them back where the entry that they are about is, even if that above it has gone or has become longer."""
        if self.above in self.entries:
            node, place, slot = _end(self.entries, self.above)
            kept = node.ca.items.setdefault(place, [None] * 4)
            own, further = _parts(kept[slot])
            kept[slot] = _comment(own, further + self.lines, kept[slot])
        elif self.below in self.entries:
            kept = self.entries.ca.items.setdefault(self.below, [None] * 4)
            kept[1] = [CommentToken(self.lines, CommentMark(0), None), *(kept[1] or [])]


def _taken_off(entries: Any) -> list[_Between]:
    """Take the lines between a mapping's entries, and between those of the mappings in it, off the entries above."""
    found, keys = [], list(entries)
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        node, place, slot = _end(entries, key)
        kept = node.ca.items.get(place, [None] * 4)
        own, lines = _parts(kept[slot])
        lines += _taken_deeper(entries, following)
        if lines:
            kept[slot] = _comment(own, "", kept[slot])
            found.append(_Between(entries, key, following, lines))
        if isinstance(entries[key], CommentedMap) and _is_block(entries[key]):
            found += _taken_off(entries[key])
    return found


def _taken_deeper(entries: Any, key: Any) -> str:
    """Take the lines above an entry that stand further right than its key off it: they are about the entry above.

    That is where ruamel.yaml keeps them if the entry above ends in brackets.
    """
    above = (entries.ca.items.get(key) or [None, None])[1] or []
    column = entries.lc.key(key)[1] if above else 0
    count = max((k for k, token in enumerate(above, 1) if token.start_mark.column > column), default=0)
    lines = "".join(map(_line, above[:count]))
    del above[:count]
    return lines


def _is_block(node: Any) -> bool:
    """Return whether a value is a list or a mapping over several lines."""
    return isinstance(node, CommentedMap | CommentedSeq) and bool(node) and not node.fa.flow_style()


def _end(node: Any, place: Any) -> tuple[Any, Any, int]:
    """Return the list or mapping that holds the last value of an entry, its place there, and which comment is its."""
    while _is_block(node[place]):
        node = node[place]
        place = list(node)[-1] if isinstance(node, CommentedMap) else len(node) - 1
    return node, place, 2 if isinstance(node, CommentedMap) else 0


def in_braces(values: dict[str, Any]) -> CommentedMap:
    """Return keys and values as an entry of params.yaml on one line: {key: value, ...}."""
    entry = CommentedMap(values)
    entry.fa.set_flow_style()
    return entry


def _yaml() -> YAML:
    """Return what reads and writes params.yaml as it is."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.Representer, yaml.Emitter = _Representer, _Emitter
    return yaml


class _Emitter(Emitter):
    """Writes quotes around a text with a colon within brackets, which DVC couldn't read otherwise.

    And the first of a list's values on a line of its own when the comments above it have been taken off.
    """

    def write_pre_comment(self, event: Any) -> bool:
        """Write the comments above a value, and return whether there are any; in an empty list there are none."""
        return super().write_pre_comment(event) and bool(event.comment[1])

    def analyze_scalar(self, scalar: Any) -> Any:
        """Return how a text may be written."""
        found = super().analyze_scalar(scalar)
        found.allow_flow_plain = found.allow_flow_plain and ":" not in scalar
        return found


class _Representer(RoundTripRepresenter):
    """Writes null as null rather than as nothing, so that no line changes that nobody has touched."""

    def represent_none(self, _data: None) -> Any:
        """Return the node of an empty value."""
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_none)
