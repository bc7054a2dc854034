"""Stages as jobs of SLURM through submitit; what they made comes back from DVC's run cache, and here alone is recorded.

A job works in a copy of the workspace and leaves its results in a cache that all nodes see, or pushes them to DVC's
default remote. `dvc repro` in the workspace then finds the stage in the run cache and writes dvc.lock.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.output import warn
from mcdrl.commands.run.child import USERS, Attempt, Child, log_path, reproduce
from mcdrl.commands.run.local import Local
from mcdrl.commands.run.plan import RunPlan, locked_record
from mcdrl.commands.run.progress import group
from mcdrl.study.paths import RUN_FOLDER

if TYPE_CHECKING:
    import submitit

    from mcdrl.commands.run.job import Job

THERE = ("encode", "train", "train_all", "evaluate", "stress")
_ENDED_S = 120  # SLURM gives a job 30 seconds to end, unless it is set up otherwise
_COPIES, _JOBS = RUN_FOLDER / "copies", RUN_FOLDER / "jobs"
_TIME_OUTS = 100  # after which a job isn't queued anew; each has finished epochs, else it will never end
_REASONS_S = 60  # between two looks at why jobs wait
_USUAL = frozenset(("None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime"))  # it is others' turn first
_NO_RESULT = (
    "error: the job ended well, and its result is not in DVC's run cache here; let all nodes see one cache (dvc cache "
    "dir), or use --by-remote\n"
)
_NO_SHELL = "/bin/false"  # DVC runs commands by $SHELL: with this one it can restore a stage, never run it


@dataclass(frozen=True)
class Resources:
    """What SLURM is asked for; None: its own default.

    Attributes:
        partition: of the cluster.
        minutes: that a job may take before it is queued anew.
        cpus: of a job.
        gpus: of a job.
        memory_gb: of a job.
        jobs: at a time.
        further: options of sbatch, by name.
    """

    partition: str | None = None
    minutes: int | None = None
    cpus: int | None = None
    gpus: int | None = None
    memory_gb: float | None = None
    jobs: int = 256
    further: Mapping[str, str] = field(default_factory=dict)

    def executor(self, root: Path) -> submitit.Executor:
        """Return what submits jobs.

        Raises:
            InputError: submitit isn't installed, or this is no machine of a SLURM cluster's.
        """
        try:
            import submitit
        except ImportError:
            raise InputError("--slurm needs submitit, which isn't installed; pip install 'mcdrl[cluster]'") from None
        if missing := [tool for tool in ("sbatch", "srun") if shutil.which(tool) is None]:
            raise InputError(f"--slurm: no {missing[0]} on the PATH; run this on a machine that submits SLURM jobs")
        from mcdrl.commands.run.preemption import blocked  # which submitit is needed for

        executor = submitit.AutoExecutor(
            (root / _JOBS).resolve(),
            cluster="slurm",
            slurm_max_num_timeout=_TIME_OUTS,
            slurm_python=blocked(sys.executable),
        )
        wanted: dict[str, Any] = {
            "timeout_min": self.minutes, "cpus_per_task": self.cpus, "gpus_per_node": self.gpus,
            "mem_gb": self.memory_gb, "slurm_partition": self.partition,
        }  # fmt: skip
        executor.update_parameters(
            name="mcdrl",
            slurm_array_parallelism=self.jobs,
            slurm_additional_parameters={"requeue": True, **self.further},  # some clusters have it off
            **{key: value for key, value in wanted.items() if value is not None},
        )
        return executor


def on_cluster(plan: RunPlan, groups: Sequence[str] | None = None) -> frozenset[str]:
    """Return the stages of a plan that are jobs.

    Args:
        plan: of DVC.
        groups: stages in dvc.yaml; None: those of `THERE` that the plan has.

    Raises:
        InputError: there is no such group, or a stage's results fit into no run cache.
    """
    known = list(dict.fromkeys(map(group, plan.upstream)))
    for name in groups or ():
        if name not in known:
            raise InputError(f"--there: the run has no stage '{name}'; {nearest(name, known)}")
    chosen = frozenset(name for name in plan.upstream if group(name) in (THERE if groups is None else groups))
    if lost := sorted(chosen - plan.cached):
        raise InputError(f"--there: {lost[0]} always runs anew, so it can't be made elsewhere; leave it out")
    return chosen


def end_left_jobs(root: Path) -> None:
    """Cancel the jobs that a stopped or killed run has left, and wait for their end: they would work in our copies.

    Raises:
        InputError: SLURM doesn't end them, or can't be asked.
    """
    left = _submitted(root)
    if not left:
        return
    if not shutil.which("scancel"):
        raise InputError(
            f"an earlier run may have left the SLURM jobs {', '.join(left)}, and there is no scancel here to end them; "
            f"run where it is, or, if they have ended: rm -r {root / _JOBS}"
        )
    subprocess.run(["scancel", "--quiet", *left], check=False)
    deadline = time.monotonic() + _ENDED_S
    while _queued(left):
        if time.monotonic() > deadline:
            raise InputError(f"SLURM doesn't end jobs of an earlier run: {', '.join(left)}; scancel them and run again")
        time.sleep(1)
    forget_jobs(root)


def forget_jobs(root: Path) -> None:
    """Remove what submitit has of the jobs of a run that is over."""
    shutil.rmtree(root / _JOBS, ignore_errors=True)


def _submitted(root: Path) -> list[str]:
    """Return the numbers of the run's jobs, one for each array."""
    return sorted({path.name.partition("_")[0] for path in (root / _JOBS).glob("*_submitted.pkl")})


def _queued(jobs: Sequence[str], *options: str) -> list[str]:
    """Return SLURM's lines about those of some jobs that it still knows."""
    command = ["squeue", "--noheader", "--jobs", ",".join(jobs), *options]  # fails once it has forgotten them all
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", check=False
    ).stdout.splitlines()


class Reasons:
    """Tells, once for each, why jobs wait, where it isn't for others that are before them: some can never start."""

    def __init__(self, root: Path) -> None:
        """Begin for a workspace."""
        self._root, self._told = root, set(_USUAL)
        self._next = time.monotonic() + _REASONS_S

    def look(self) -> None:
        """Ask SLURM, if it is time to, and tell what is new."""
        if time.monotonic() < self._next or shutil.which("squeue") is None:
            return
        self._next = time.monotonic() + _REASONS_S
        said = Counter(_queued(_submitted(self._root), "--array", "--states=PENDING", "--format=%r"))
        for reason in sorted(said.keys() - self._told):
            warn(f"jobs that wait, SLURM says {reason}: {said[reason]}")
        self._told |= said.keys()


class Cluster:
    """Runs some stages as jobs, the others here.

    Attributes:
        at_a_time: how many side by side at most.
        look_s: seconds between two looks at them.
    """

    look_s = 1.0

    def __init__(
        self, root: Path, plan: RunPlan, executor: submitit.Executor, there: Collection[str], here: Local, jobs: int
    ) -> None:
        """Take what there is.

        Args:
            root: the workspace, on a file system that all nodes see.
            plan: of DVC; where it names a remote, results travel by that one, else by the cache.
            executor: submits jobs.
            there: the stages that are jobs.
            here: runs the others.
            jobs: at a time.
        """
        self.at_a_time = jobs
        self._root, self._plan, self._executor = root.resolve(), plan, executor
        self._there, self._here = frozenset(there), here
        self._away: set[str] = set()
        self._reasons = Reasons(self._root)
        self._returning: list[Submitted] = []  # jobs that have ended, whose results come back one after another

    def takes(self, names: Sequence[str]) -> list[str]:
        """Return as many jobs as may be queued or run beside those that are, and of the others as may start here."""
        jobs = [name for name in names if name in self._there]
        left = self.at_a_time - len(self._away) + len(self._returning)
        return [*jobs[:left], *self._here.takes([name for name in names if name not in self._there])]

    def start(self, names: Sequence[str]) -> Iterator[tuple[str, Attempt]]:
        """Start stages, the jobs as one array; yield each as soon as it runs or is queued."""
        yield from self._here.start([name for name in names if name not in self._there])
        wanted = [name for name in names if name in self._there]
        if not wanted:
            return
        lock = locked_record(self._root, self._root / _JOBS)
        self._away.update(wanted)
        yield from zip(wanted, self._submit([self._job(name, lock) for name in wanted]), strict=True)

    def _submit(self, jobs: Sequence[Job]) -> Sequence[Attempt]:
        from submitit.core.utils import FailedJobError

        try:
            array = self._executor.submit_array(jobs)
        except FailedJobError as error:  # of sbatch
            return [Refused(job.log, str(error)) for job in jobs]
        return [
            Submitted(job, submitted, self._returning, self._reasons)
            for job, submitted in zip(jobs, array, strict=True)
        ]

    def _job(self, name: str, lock: Path) -> Job:
        from mcdrl.commands.run.job import Job  # which submitit is needed for

        log = log_path(self._root, name)
        remote = self._plan.remote
        chosen = remote.settings if remote else (("cache.dir", str(self._plan.cache)),)
        upstream, copy = tuple(self._plan.opened(name)), self._root / _COPIES / log.stem
        return Job(name, upstream, self._root, copy, lock, log, chosen, remote is not None)

    def ended(self, name: str) -> None:
        """Let others have what a stage has used."""
        if name in self._there:
            self._away.remove(name)
        else:
            self._here.ended(name)


class Refused:
    """A job that SLURM didn't take, by the user's options or the cluster's limits."""

    def __init__(self, log: Path, reason: str) -> None:
        """Write into the log what sbatch said."""
        self.log = log
        said = "; ".join(line.removeprefix("sbatch: error: ").strip() for line in reason.splitlines() if line.strip())
        log.write_text(f"error: SLURM takes no such job: {said}\n", encoding="utf-8")

    def poll(self) -> int:
        """Return that it is for the user to mend."""
        return USERS

    def stop(self, _signum: int) -> bool:
        """Return that nothing of it is there."""
        return False


class Submitted:
    """A job that is queued or runs, then its results on their way back."""

    def __init__(self, job: Job, submitted: submitit.Job[int], returning: list[Submitted], reasons: Reasons) -> None:
        """Take a job.

        Args:
            job: what it does.
            submitted: what submitit has of it.
            returning: the jobs whose results are to come back, in turn.
            reasons: tells why jobs wait.
        """
        self.log = job.log
        self._job, self._submitted, self._returning, self._reasons = job, submitted, returning, reasons
        self._restore: Child | None = None

    def poll(self) -> int | None:
        """Return how it ended, 0 if its results are here and recorded; None: it hasn't."""
        if self not in self._returning:
            if not self._submitted.done():
                self._reasons.look()
                return None
            if code := self._code():
                return code
            self._returning.append(self)
        if self._returning[0] is not self:
            return None
        if self._restore is None:
            self._restore = self._begin_restore()
        ended = self._restore.poll()
        return None if ended is None else self._end(ended)

    def _code(self) -> int:
        """Return how the job ended."""
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            return int(self._submitted.result())
        except (FailedJobError, UncompletedJobError) as error:
            self._add(f"Error: {error}\n")
            return 1

    def _begin_restore(self) -> Child:
        pull = ["--pull"] if self._job.remote else []
        return Child(reproduce(self._job.name, *pull), self._job.workspace, {"SHELL": _NO_SHELL}, self.log)

    def _end(self, code: int) -> int:
        self._returning.remove(self)
        if code:
            self._add(_NO_RESULT)
        else:
            shutil.rmtree(self._job.copy, ignore_errors=True)
        return code

    def _add(self, text: str) -> None:
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(text)

    def stop(self, signum: int) -> bool:
        """Cancel the job; return whether anything of it is still here."""
        if self._restore is not None:
            return self._restore.stop(signum)
        if signum:
            self._submitted.cancel(check=False)
        return False
