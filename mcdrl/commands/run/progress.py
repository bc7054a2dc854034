"""How far a run is: a live table on a terminal, elsewhere a line for each stage that starts or ends."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from mcdrl.base.output import cell, warn
from mcdrl.commands.run.child import Attempt, StageOutcome, last_line
from mcdrl.commands.run.schedule import Schedule, State

_TIMES_A_SECOND = 2


class RunProgress:
    """What is told of a run while it goes on."""

    def __init__(self, schedule: Schedule, at_a_time: int) -> None:
        """Begin.

        Args:
            schedule: that is being worked through.
            at_a_time: how many stages run side by side at most.
        """
        self._schedule, self._at_a_time = schedule, at_a_time
        self._began: dict[str, float] = {}
        self._lasted: dict[str, list[float]] = defaultdict(list)
        self._attempts: Mapping[str, Attempt] = {}
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the table as long as this lasts, if there is a terminal."""
        if not sys.stderr.isatty():
            yield
            return
        console = Console(stderr=True)
        with Live(
            console=console, get_renderable=self.table, refresh_per_second=_TIMES_A_SECOND, transient=True
        ) as live:
            self._live = live
            yield

    def started(self, name: str, attempts: Mapping[str, Attempt]) -> None:
        """Tell that a stage runs now.

        Args:
            name: of the stage.
            attempts: all that run; looked at again each time that the table is drawn.
        """
        self._attempts = attempts
        self._began[name] = time.monotonic()
        if self._live is None:
            warn(f"{name}: running")

    def ended(self, name: str, how: StageOutcome | State) -> None:
        """Tell that a stage has ended."""
        seconds = time.monotonic() - self._began[name]
        if how is StageOutcome.RAN:
            self._lasted[group(name)].append(seconds)
        text = f"{name}: {how.value}" + f" ({duration(seconds)})" * (how in (StageOutcome.RAN, State.FAILED))
        if self._live is None:
            warn(text)
        else:
            self._live.console.print(cell(text, "red" if how is State.FAILED else ""))

    def table(self) -> Group:
        """Return the stages that run, and how many have and will."""
        now = time.monotonic()
        table = Table("running", "for", "says", box=None, pad_edge=False)
        for name, attempt in list(self._attempts.items()):
            table.add_row(cell(name), cell(duration(now - self._began[name])), cell(last_line(attempt.log)))
        return Group(table, cell(self.counts(now)))

    def counts(self, now: float) -> str:
        """Return in a line how many of the stages that are due are done, and about how long the others take."""
        states = [self._schedule.states[name] for name in self._schedule.due]
        done = sum(state in (State.DONE, State.FRESH) for state in states)
        failed = sum(state is State.FAILED for state in states)
        left = self._left_s(now)
        told = [f"{done} of {len(states)} done", *([f"{failed} failed"] if failed else [])]
        return ", ".join([*told, *([] if left is None else [f"about {duration(left)} left"])])

    def _left_s(self, now: float) -> float | None:
        waiting = [name for name in self._schedule.named(State.WAITING) if name in self._schedule.due]
        running = {name: now - self._began[name] for name in self._schedule.named(State.RUNNING)}
        return seconds_left(self._lasted, waiting, running, self._at_a_time)


def seconds_left(
    lasted: Mapping[str, Sequence[float]], waiting: Sequence[str], running: Mapping[str, float], at_a_time: int
) -> float | None:
    """Return about how long a run still takes; None: no stage has ended by which to tell.

    A stage is taken to last as long as others of its group did, or as all did where none of its group has ended.

    Args:
        lasted: group -> seconds of its stages that have ended.
        waiting: stages that may still run.
        running: stage -> seconds since it started.
        at_a_time: how many run side by side.
    """
    everything = [seconds for group_s in lasted.values() for seconds in group_s]
    if not everything:
        return None
    mean = {name: fmean(lasted.get(group(name)) or everything) for name in (*waiting, *running)}
    rest = sum(mean[name] for name in waiting) + sum(max(0.0, mean[name] - so_far) for name, so_far in running.items())
    return rest / max(1, min(at_a_time, len(mean)))


def group(name: str) -> str:
    """Return the stage in dvc.yaml that a cell is one of: train of train@mcdrl-A-0."""
    return name.partition("@")[0]


def duration(seconds: float) -> str:
    """Return a time as people say it: 8 s, 3 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
