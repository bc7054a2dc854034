"""What is said of a file: why it was refused, or what is odd about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Remark:
    """One thing said of one file.

    Attributes:
        file: path below the site's root, with forward slashes.
        kind: what is wrong, in words that are equal for all files that share it.
        detail: the values found in this file and the fix; may be empty.
    """

    file: str
    kind: str
    detail: str

    @property
    def text(self) -> str:
        """Kind and detail in one line."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


class RefusedError(Exception):
    """A frame can't become a case; it goes to quarantine and the others go on."""

    def __init__(self, kind: str, detail: str) -> None:
        """Take the two parts of a `Remark`."""
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


def grouped(remarks: Iterable[Remark]) -> list[str]:
    """Return one line a kind, the commonest first: how often it was met, and the first file as an example."""
    kinds: dict[str, list[Remark]] = {}
    for remark in remarks:
        kinds.setdefault(remark.kind, []).append(remark)
    most_first = sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))
    return [f"{len(group)} x {kind}, e.g. {_example(group[0])}" for kind, group in most_first]


def _example(remark: Remark) -> str:
    return f"{remark.file}: {remark.detail}" if remark.detail else remark.file
