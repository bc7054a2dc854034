"""What is said of a file: why it was refused, or what is odd about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Issue:
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
        """Take the two parts of an `Issue`."""
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


def by_kind(issues: Iterable[Issue]) -> list[tuple[str, list[Issue]]]:
    """Return the issues of each kind, the commonest kind first."""
    kinds: dict[str, list[Issue]] = {}
    for issue in issues:
        kinds.setdefault(issue.kind, []).append(issue)
    return sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0]))


def grouped(issues: Iterable[Issue]) -> list[str]:
    """Return one line a kind, the commonest first: how often it was met, and the first file as an example."""
    return [f"{len(group)} x {kind}, e.g. {_example(group[0])}" for kind, group in by_kind(issues)]


def _example(issue: Issue) -> str:
    return f"{issue.file}: {issue.detail}" if issue.detail else issue.file
