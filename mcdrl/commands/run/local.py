"""Stages on this machine, as many at a time as there are slots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from mcdrl.commands.run.child import Attempt, Child, log_path, reproduce, reproduce_and_push


class Engine(Protocol):
    """Where stages run.

    Attributes:
        at_a_time: how many side by side at most.
        look_s: seconds between two looks at them.
    """

    at_a_time: int
    look_s: float

    def takes(self, names: Sequence[str]) -> list[str]:
        """Return those of some stages that it could start at once."""

    def start(self, names: Sequence[str]) -> Iterator[tuple[str, Attempt]]:
        """Start stages that it takes; yield each as soon as it runs."""

    def ended(self, name: str) -> None:
        """Let others have what a stage has used."""


class Local:
    """Runs stages in the workspace itself, each by a DVC of its own."""

    look_s = 0.1

    def __init__(self, root: Path, slots: Sequence[Mapping[str, str]], *, by_remote: bool = False) -> None:
        """Take what there is.

        Args:
            root: the workspace.
            slots: what the environment of each stage that runs at a time says.
            by_remote: send what they make to DVC's default remote, too.
        """
        self.at_a_time = len(slots)
        self._root, self._free = root, list(slots)
        self._command = reproduce_and_push if by_remote else reproduce
        self._used: dict[str, Mapping[str, str]] = {}

    def takes(self, names: Sequence[str]) -> list[str]:
        """Return the first, as many as there are free slots."""
        return list(names[: len(self._free)])

    def start(self, names: Sequence[str]) -> Iterator[tuple[str, Attempt]]:
        """Start stages, each in a slot; yield each as soon as it runs."""
        for name in names:
            self._used[name] = self._free.pop(0)
            yield name, Child(self._command(name), self._root, self._used[name], log_path(self._root, name))

    def ended(self, name: str) -> None:
        """Let others have a stage's slot."""
        self._free.append(self._used.pop(name))
