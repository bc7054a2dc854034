"""`mcdrl run` as a command: its options, and what it says at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcdrl.base.errors import InputError
from mcdrl.base.output import say, warn
from mcdrl.base.runtime import finite, machine_memory_gb, usable_cores

if TYPE_CHECKING:
    from mcdrl.commands.run.cluster import Cluster, Resources
    from mcdrl.commands.run.local import Engine, Local
    from mcdrl.commands.run.plan import RunPlan
    from mcdrl.commands.run.run import Result

_ROOT = Path()


def run(
    targets: Annotated[
        list[str] | None, typer.Argument(help="Stages, or groups such as train; default: the whole pipeline.")
    ] = None,
    slots: Annotated[
        str,
        typer.Option(help="How many stages run at a time; auto: one a GPU, without one a core as far as memory goes."),
    ] = "auto",
    gpus: Annotated[
        str | None, typer.Option(help="GPUs that are shared out, 0,1,...; default: all that there are.")
    ] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Only list what is stale and what follows from it.")] = False,
    keep_going: Annotated[
        bool, typer.Option(help="After a failure, go on with what doesn't depend on it; else start nothing more.")
    ] = True,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="Run the stages of --there as jobs of SLURM; the others here, in the slots.")
    ] = False,
    there: Annotated[
        str | None,
        typer.Option(help="Stages that are jobs; default: those of encode,train,train_all,evaluate,stress to be run."),
    ] = None,
    by_remote: Annotated[
        bool,
        typer.Option("--by-remote", help="Results of jobs travel by DVC's default remote, not by one cache for all."),
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Jobs at a time.")] = 256,
    partition: Annotated[str | None, typer.Option(help="SLURM's, of the jobs.")] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, help="Of a job; one that takes longer is queued anew and goes on.")
    ] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="Of a job.")] = None,
    job_gpus: Annotated[int | None, typer.Option(min=0, help="Of a job.")] = None,
    memory_gb: Annotated[float | None, typer.Option(min=0.1, callback=finite, help="Of a job.")] = None,
    sbatch: Annotated[
        list[str] | None, typer.Option(help="Further options of sbatch, KEY=VALUE, such as account=lab; repeatable.")
    ] = None,
) -> None:
    """Run the study's stale stages side by side; DVC keeps the record. Exit code 1 or 2: some failed.

    After Ctrl-C nothing is left running, and the same command goes on.
    """
    from mcdrl.commands.project import check_project
    from mcdrl.commands.run.claim import claimed
    from mcdrl.commands.run.cluster import Resources, end_left_jobs, forget_jobs
    from mcdrl.commands.run.plan import read_plan

    check_project(_ROOT)
    asked = Resources(partition, minutes, cpus, job_gpus, memory_gb, jobs, _options(sbatch or []))
    if not slurm and (by_remote or there is not None or asked != Resources()):
        raise InputError("options of jobs are given, and no jobs are asked for; add --slurm, or leave them out")
    here = _here(slots, gpus, by_remote=by_remote)
    if dry:
        _check_methods()
        say("\n".join(_listed(read_plan(targets or []))))
        return
    with claimed(_ROOT):
        end_left_jobs(_ROOT)
        plan = read_plan(targets or [], by_remote=by_remote)
        result = _run(plan, _cluster(plan, there, asked, here) if slurm else here, keep_going=keep_going)
        if slurm:
            forget_jobs(_ROOT)
    _tell(result)
    if result.code:
        raise typer.Exit(result.code)


def _cluster(plan: RunPlan, there: str | None, asked: Resources, here: Local) -> Cluster:
    from mcdrl.commands.run.cluster import Cluster, on_cluster
    from mcdrl.commands.run.workspace import check_git

    check_git(_ROOT)
    chosen = on_cluster(plan, None if there is None else [name.strip() for name in there.split(",")])
    return Cluster(_ROOT, plan, asked.executor(_ROOT), chosen, here, asked.jobs)


def _here(slots: str, gpus: str | None, *, by_remote: bool) -> Local:
    from mcdrl.commands.run.local import Local
    from mcdrl.commands.run.slots import GPUS, chosen_gpus, shared_out, visible_gpus

    visible = visible_gpus(os.environ)
    chosen = visible if gpus is None else chosen_gpus(gpus, visible)
    if chosen and not visible:
        warn(f"--gpus {gpus}: neither {GPUS} nor nvidia-smi tells of a GPU here; without one, stages run on the CPU")
    return Local(_ROOT, shared_out(slots, chosen, usable_cores(), machine_memory_gb()), by_remote=by_remote)


def _options(texts: Sequence[str]) -> dict[str, str]:
    """Read KEY=VALUE texts."""
    found = dict(text.removeprefix("--").split("=", 1) for text in texts if "=" in text)
    if lost := [text for text in texts if "=" not in text]:
        raise InputError(f"--sbatch {lost[0]}: expected KEY=VALUE, such as account=lab")
    return found


def _run(plan: RunPlan, engine: Engine, *, keep_going: bool) -> Result:
    from mcdrl.commands.run.run import run_plan
    from mcdrl.commands.run.signals import Stopped

    try:
        return run_plan(_ROOT, plan, engine, keep_going=keep_going)
    except Stopped as stopped:
        warn("stopped; what is done is kept, and the same command goes on")
        raise typer.Exit(stopped.code) from None


def _listed(plan: RunPlan) -> Sequence[str]:
    from mcdrl.commands.rehearsal import unchanged
    from mcdrl.commands.run.schedule import Schedule

    same = unchanged(_ROOT, plan.looked_at)
    stale = plan.stale - same
    due = Schedule(plan.upstream, stale).due
    looked_at = [f"{name}: always looked at, and would say the same" for name in sorted(same)]
    lines = [f"{name}: {'changed' if name in stale else 'follows'}" for name in plan.upstream if name in due]
    return [*looked_at, *(lines or ["all is up to date"])]


def _check_methods() -> None:
    """Check all of params.yaml; a run leaves the methods' own numbers to stage `plan`, and torch out of its memory."""
    from mcdrl.methods import with_methods
    from mcdrl.study.params import check, read_params

    check(read_params(), further=with_methods)


def _tell(result: Result) -> None:
    for failure in result.failures:
        warn(f"error: {failure.name} failed: {failure.told.removeprefix('error: ')}\n  all of it: {failure.log}")
    if result.skipped:
        warn(f"not started after that: {', '.join(result.skipped)}")
    if not result.failures:
        say(f"{result.done} stages done" if result.done else "all is up to date")
