"""A stage as a process of its own: DVC reproduces it alone, and what both print goes into a file."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from mcdrl.commands.run.signals import Signals
from mcdrl.study.paths import RUN_FOLDER

_POLITE_S = 10.0  # between asking processes to stop and ending them
_LOOK_S = 0.1
_ROOM = 2**16  # bytes; with less no stage can be recorded
USERS = 2  # exit code of what is for the user to mend


class StageOutcome(StrEnum):
    """What DVC did about a stage."""

    RAN = "done"
    RESTORED = "restored from the cache"
    UNCHANGED = "unchanged"


class Attempt(Protocol):
    """A stage that is being made, here or elsewhere.

    Attributes:
        log: where what it prints is.
    """

    log: Path

    def poll(self) -> int | None:
        """Return how it ended, 0 for well, `USERS` if it never began by the user's fault; None: it hasn't."""

    def stop(self, signum: int) -> bool:
        """Ask it to end; return whether anything of it is still there."""


class Child:
    """A command in a process group of its own, so that a key pressed reaches it by us alone."""

    def __init__(self, command: Sequence[str], folder: Path, extra: Mapping[str, str], log: Path) -> None:
        """Start it.

        Args:
            command: with its arguments.
            folder: to run it in.
            extra: of its environment, beside ours.
            log: where what it prints goes, after what is there.
        """
        self.log = log
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **extra},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """Return how it ended; None: it hasn't. What one that was killed has left of its processes is ended, too."""
        if code := self._process.poll():
            self.stop(signal.SIGKILL)
        return code

    def stop(self, signum: int) -> bool:
        """Send a signal to all of its processes; return whether any of them is still there."""
        self._process.poll()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signum)
            return True
        return False


def reproduce(name: str, *options: str) -> list[str]:
    """Return the command by which DVC reproduces one stage, and waits where another one holds its lock."""
    return [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", *options, name]


def reproduce_and_push(name: str) -> list[str]:
    """Return the command that does so and sends what the stage made to DVC's default remote, for jobs to fetch."""
    push = [sys.executable, "-m", "dvc", "--wait-for-lock", "push", name]
    return ["sh", "-c", f"{shlex.join(reproduce(name))} && {shlex.join(push)}"]


def log_path(root: Path, name: str) -> Path:
    """Return the place of a new, empty log of a stage."""
    path = root / RUN_FOLDER / f"{re.sub(r'[^A-Za-z0-9_@.-]', '_', name)}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def stop_all(attempts: Sequence[Attempt], signals: Signals) -> None:
    """Ask all to stop, and end those that don't; a further signal ends them at once.

    They are asked by what Ctrl-C sends, at which DVC waits for its stage and gives its locks back.
    """
    left, heard = [attempt for attempt in attempts if attempt.stop(signal.SIGINT)], signals.heard
    deadline = time.monotonic() + _POLITE_S
    while left and signals.heard == heard and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        left = [attempt for attempt in left if attempt.stop(0)]
    for attempt in attempts:
        attempt.stop(signal.SIGKILL)


def outcome(log: Path) -> StageOutcome:
    """Return what DVC did about a stage that ended well, by what it said."""
    said = read_log(log)
    if "Running stage '" in said:
        return StageOutcome.RAN
    return StageOutcome.RESTORED if "is cached - skipping run" in said else StageOutcome.UNCHANGED


def exit_code(log: Path) -> int | None:
    """Return the exit code of a failed stage's own command, by what DVC said; None: it wasn't that which failed."""
    found = re.findall(r"failed to run: .*, exited with (-?\d+)", read_log(log))
    return int(found[-1]) if found else None


def told(log: Path, code: int = 1) -> str:
    """Return what says most of why a stage failed.

    Args:
        log: of the stage; its last error counts, best one of ours with the lines that are indented below it, else its
            last line, unless a signal ended it.
        code: how its process ended.
    """
    if killed := _signal_of(exit_code(log) or code):
        return f"ended by {killed}" + ", as the system does where memory runs out" * (killed == "SIGKILL")
    lines = [line.rstrip() for line in read_log(log).splitlines() if line.strip()]
    if ours := re.findall(r"^error: .+(?:\n  .+)*", "\n".join(lines), re.MULTILINE):
        return str(ours[-1])
    kinds = ([line.strip() for line in lines if re.search(words, line)] for words in ("Error", "^ERROR: ", ""))
    return next((kind[-1] for kind in kinds if kind), "nothing was printed" + ", the disk is full" * _is_full(log))


def _signal_of(code: int) -> str:
    """Return the name of the signal that an exit code, a process's or a shell's, tells of; empty: of none."""
    with suppress(ValueError):
        return signal.Signals(-code if code < 0 else code - 128).name
    return ""


def _is_full(path: Path) -> bool:
    return path.exists() and shutil.disk_usage(path).free < _ROOM


def last_line(log: Path) -> str:
    """Return what a running stage printed last."""
    with suppress(OSError), log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 500))
        lines = stream.read().decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def read_log(log: Path) -> str:
    """Return what was printed; nothing where there is no log."""
    with suppress(OSError):
        return log.read_text(encoding="utf-8", errors="replace")
    return ""
