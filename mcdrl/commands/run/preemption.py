"""What a signal of SLURM's means to a job: it is preempted or out of time, and queued anew, or it is cancelled.

SLURM sends it to every process of the job, those in sessions of their own, too, so that DVC and its stage end by
themselves. A job that is out of time hears submitit's signal, a preempted one SIGTERM as long as its grace lasts, as
one that is cancelled does; which of these it is, SLURM's record of the job says.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from types import FrameType

from submitit import JobEnvironment

_SIGNALS = (signal.SIGTERM, signal.Signals[f"SIG{JobEnvironment.USR_SIG}"])
_BLOCKING = (  # not `env --block-signal`, which clusters of 2019's systems lack
    f"import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {[int(one) for one in _SIGNALS]}); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Cancelled(Exception):  # noqa: N818  # it is no error
    """Somebody wants the job to end."""


def blocked(program: str) -> str:
    """Return a shell's words that start a program to which signals wait until it calls `heed`.

    They would end one that hasn't yet come so far.

    Args:
        program: its absolute path.
    """
    return shlex.join([sys.executable, "-I", "-S", "-c", _BLOCKING, program])


def on_slurm() -> bool:
    """Return whether this process is a job of SLURM's."""
    return os.environ.get("SUBMITIT_EXECUTOR") == "slurm"


def heed() -> None:
    """From now on, be queued anew when SLURM preempts the job or its time is over, and raise `Cancelled` at its end."""
    requeue = signal.getsignal(_SIGNALS[1])
    assert callable(requeue)  # submitit's

    def meant(signum: int, frame: FrameType | None) -> None:
        """Do what SLURM means by a signal, which doesn't say it."""
        be_deaf()
        state, restarts = _record()
        if state == "RUNNING":
            requeue(signum, frame)  # which exits
        if restarts > int(os.environ.get("SLURM_RESTART_COUNT", "0")):
            sys.exit("queued anew by SLURM itself")  # submitit leaves no result
        raise Cancelled(f"SLURM's job {JobEnvironment().job_id} was cancelled")

    for one in _SIGNALS:
        signal.signal(one, meant)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def be_deaf() -> None:
    """From now on, let no signal disturb: another one follows the first, and a result has to be written."""
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)


def _record() -> tuple[str, int]:
    """Return the job's state and how often it was queued anew."""
    command = ["scontrol", "show", "job", "--oneliner", JobEnvironment().job_id]
    said = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", errors="replace").stdout
    return re.findall(r"\bJobState=(\S+)", said)[0], int(re.findall(r"\bRestarts=(\d+)", said)[0])
