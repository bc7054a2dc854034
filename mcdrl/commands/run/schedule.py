"""Which stages may start: those whose inputs are ready, in DVC's order; a failure holds up its dependants alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from graphlib import TopologicalSorter


class State(StrEnum):
    """How far a stage is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    FRESH = "up to date"  # nothing that it reads has changed, so that nobody was asked


class Schedule:
    """The stages of a run and how far each is.

    Attributes:
        states: stage -> how far it is, in DVC's order.
        due: the stages that are stale or follow from one that is: what the run may have to do.
    """

    def __init__(self, upstream: Mapping[str, Sequence[str]], stale: Collection[str]) -> None:
        """Take DVC's plan.

        Args:
            upstream: stage -> those that it reads from, in the order of `dvc repro`.
            stale: stages that are to be run whatever becomes of those before them.
        """
        self.states = dict.fromkeys(upstream, State.WAITING)
        self.due = _with_dependants(upstream, stale)
        self._upstream, self._wanted = upstream, set(stale)
        self._open: set[str] = set()  # their inputs are ready
        self._sorter = TopologicalSorter(upstream)
        self._sorter.prepare()

    def ready(self) -> list[str]:
        """Return the stages that may start now, in DVC's order."""
        while found := set(self._sorter.get_ready()):
            self._open |= found & self._wanted
            for name in found - self._wanted:
                self.states[name] = State.FRESH
                self._sorter.done(name)
        return [name for name in self.states if name in self._open]

    def start(self, name: str) -> None:
        """Note that one of those that may start has."""
        self._open.remove(name)
        self.states[name] = State.RUNNING

    def finish(self, name: str, *, moved: bool) -> None:
        """Note that a stage is done.

        Args:
            name: of a running stage.
            moved: whether its outputs are others than before, so that what reads them is to be looked at.
        """
        self.states[name] = State.DONE
        if moved:
            self._wanted.update(below for below, above in self._upstream.items() if name in above)
        self._sorter.done(name)

    def fail(self, name: str) -> None:
        """Note that a stage has failed; what depends on it never starts."""
        self.states[name] = State.FAILED

    def named(self, state: State) -> list[str]:
        """Return the stages that are so far, in DVC's order."""
        return [name for name, now in self.states.items() if now is state]

    def skipped(self) -> list[str]:
        """Return the stages that are due and wait for one that has failed, in DVC's order."""
        below = _with_dependants(self._upstream, self.named(State.FAILED))
        return [name for name in self.named(State.WAITING) if name in below]


def _with_dependants(upstream: Mapping[str, Sequence[str]], names: Collection[str]) -> set[str]:
    """Return some stages and all that follow from them; `upstream` lists a stage behind those that it reads from."""
    found = set(names)
    for name, above in upstream.items():
        if found.intersection(above):
            found.add(name)
    return found
