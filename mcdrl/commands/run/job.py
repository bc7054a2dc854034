"""A stage as a job on a cluster: in a copy of the workspace, its results left in DVC's run cache.

A job that is preempted or runs out of time is queued anew with its arguments, finds its copy as it was, and goes on
after the last finished epoch.
"""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from submitit.helpers import Checkpointable

from mcdrl.commands.run.preemption import be_deaf, heed, on_slurm
from mcdrl.commands.run.workspace import dvc, prepare

_LATE_S = 2.0  # a signal that ended DVC went to all processes of the job, to this one perhaps a moment later


@dataclass(frozen=True)
class Job(Checkpointable):
    """What a node has to know.

    Attributes:
        name: of the stage.
        upstream: stages whose results it opens; they are in the cache or the remote.
        workspace: that the stage belongs to; it is only read.
        copy: of the workspace, this job's own, on a file system that all nodes see.
        lock: a copy of the workspace's dvc.lock.
        log: where what is printed goes.
        settings: of the copy's DVC, key and value.
        remote: whether results travel by DVC's default remote, not by a cache that all nodes see.
    """

    name: str
    upstream: tuple[str, ...]
    workspace: Path
    copy: Path
    lock: Path
    log: Path
    settings: tuple[tuple[str, str], ...]
    remote: bool

    def __call__(self) -> int:
        """Run the stage; return how it ended, 0 for well."""
        os.environ.setdefault("OMP_NUM_THREADS", os.environ.get("SLURM_CPUS_PER_TASK", "1"))
        if not on_slurm():
            return self._attempt()
        heed()
        if code := self._attempt():
            time.sleep(_LATE_S)
        be_deaf()
        return code

    def _attempt(self) -> int:
        try:
            prepare(self.workspace, self.copy, self.lock, dict(self.settings))
            return self._steps()
        except Exception:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(traceback.format_exc())
            return 1

    def _steps(self) -> int:
        """Fetch what the stage reads, run it, hand on what it made; stop at what fails."""
        fetch = ["pull"] if self.remote else ["checkout", "--force"]
        steps = [
            *([[*fetch, *self.upstream]] if self.upstream else []),
            ["repro", "--single-item", self.name],
            *([["push", "--run-cache", self.name]] if self.remote else []),
        ]
        for step in steps:
            if code := dvc(self.copy, *step, log=self.log):
                return code
        return 0
