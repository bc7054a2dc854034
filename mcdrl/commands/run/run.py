"""The run itself: what may start is started, what has ended is noted, until nothing is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcdrl.commands.run.child import USERS, Attempt, exit_code, outcome, stop_all, told
from mcdrl.commands.run.local import Engine
from mcdrl.commands.run.plan import RunPlan, recorded_outs, sort_lock
from mcdrl.commands.run.progress import RunProgress
from mcdrl.commands.run.schedule import Schedule, State
from mcdrl.commands.run.signals import Signals


@dataclass(frozen=True)
class Failure:
    """A stage that failed.

    Attributes:
        name: of the stage.
        told: the line of its log that says most.
        log: all that it printed.
        users: whether its command says that the user's input is wrong.
    """

    name: str
    told: str
    log: Path
    users: bool


@dataclass(frozen=True)
class Result:
    """What became of a run.

    Attributes:
        done: how many stages DVC was asked about and has as they should be.
        failures: those that failed.
        skipped: those that wait for one that failed, or weren't started after it.
    """

    done: int
    failures: Sequence[Failure]
    skipped: Sequence[str]

    @property
    def code(self) -> int:
        """The exit code: 2 where all failures are the user's to mend, 1 where another one is."""
        if not self.failures:
            return 0
        return 2 if all(failure.users for failure in self.failures) else 1


def run_plan(root: Path, plan: RunPlan, engine: Engine, *, keep_going: bool = True) -> Result:
    """Run what DVC says is to be done, side by side.

    Args:
        root: the workspace.
        plan: of DVC.
        engine: where stages run.
        keep_going: start what doesn't depend on a failed stage, too, instead of nothing more.

    Raises:
        Stopped: somebody wants it to end; no process is left.
    """
    schedule, before = Schedule(plan.upstream, plan.stale), recorded_outs(root)
    running = _Running(schedule, engine, RunProgress(schedule, engine.at_a_time))
    with Signals() as signals:
        try:
            with running.progress.shown():
                while running.step(before, root, keep_going=keep_going):
                    signals.check()
                    time.sleep(engine.look_s)
        finally:
            stop_all(list(running.attempts.values()), signals)
            sort_lock(root, list(before), list(plan.upstream))
    held_up = schedule.skipped() if keep_going else [*schedule.named(State.WAITING)] * bool(running.failures)
    return Result(len(schedule.named(State.DONE)), running.failures, [name for name in held_up if name in schedule.due])


class _Running:
    """The stages that run, and those that failed."""

    def __init__(self, schedule: Schedule, engine: Engine, progress: RunProgress) -> None:
        self.attempts: dict[str, Attempt] = {}
        self.failures: list[Failure] = []
        self.progress = progress
        self._schedule, self._engine = schedule, engine

    def step(self, before: dict[str, object], root: Path, *, keep_going: bool) -> bool:
        """Note what has ended and start what may; return whether anything runs."""
        for name, attempt in list(self.attempts.items()):
            if (code := attempt.poll()) is not None:
                del self.attempts[name]
                self._engine.ended(name)
                self._note(name, attempt, code, before, root)
        if keep_going or not self.failures:
            self._start()
        return bool(self.attempts)

    def _start(self) -> None:
        names = self._engine.takes(self._schedule.ready())
        for name, attempt in self._engine.start(names):
            self.attempts[name] = attempt
            self._schedule.start(name)
            self.progress.started(name, self.attempts)

    def _note(self, name: str, attempt: Attempt, code: int, before: dict[str, object], root: Path) -> None:
        if code:
            users = USERS in (code, exit_code(attempt.log))
            self._schedule.fail(name)
            self.progress.ended(name, State.FAILED)
            self.failures.append(Failure(name, told(attempt.log, code), attempt.log, users))
            return
        outs = recorded_outs(root).get(name)
        self._schedule.finish(name, moved=outs is None or outs != before.get(name))
        self.progress.ended(name, outcome(attempt.log))
