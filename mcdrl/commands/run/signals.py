"""Ctrl-C and its like: noted when they come, heard between two steps, so that no process is started unnoticed."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):  # noqa: N818  # it is no error
    """Somebody wants the run to end.

    Attributes:
        code: the exit code that shells give it: 130 after Ctrl-C.
    """

    def __init__(self, signum: int) -> None:
        """Remember the signal."""
        super().__init__(signal.Signals(signum).name)
        self.code = 128 + signum


class Signals:
    """Notes the signals that ask a process to end, as long as it is entered.

    Attributes:
        heard: how many there were.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.heard, self._last = 0, 0
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Listen, except for what is ignored, as `nohup` lets a terminal's end be.

        What is ignored is let be by a handler of ours: processes that are started take over what ignores a signal, not
        handlers, and would never hear that they are to stop.
        """
        for signum in _STOPS:
            ignored = signal.getsignal(signum) is signal.SIG_IGN
            self._former[signum] = signal.signal(signum, _let_be if ignored else self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        """Let them do what they did before."""
        for signum, handler in self._former.items():
            signal.signal(signum, handler)

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        self.heard, self._last = self.heard + 1, signum

    def check(self) -> None:
        """Do nothing if there was none.

        Raises:
            Stopped: there was one.
        """
        if self.heard:
            raise Stopped(self._last)


def _let_be(_signum: int, _frame: FrameType | None) -> None:
    """Do nothing about a signal."""
