"""Stages as jobs: by submitit's local executor, and by a real SLURM where there is one."""

import contextlib
import os
import re
import signal
import subprocess
import time

import pytest
import submitit
from submitit.core.utils import FailedJobError

from mcdrl.base.errors import InputError
from mcdrl.commands.run.child import read_log
from mcdrl.commands.run.cluster import Cluster, Reasons, Resources, end_left_jobs, on_cluster
from mcdrl.commands.run.local import Local
from mcdrl.commands.run.plan import RunPlan, read_plan
from mcdrl.commands.run.run import run_plan
from tests.commands.run.toy import CELLS, Toy
from tests.slurm_node import lacking, slurm_node

NAMES = {"plan": [], "train@a": ["plan"], "train@b": ["plan"], "report": ["train@a", "train@b"]}


def plan(tmp_path, cached=tuple(NAMES)):
    return RunPlan(NAMES, frozenset(), frozenset(cached), tmp_path)


def test_groups_name_the_stages_that_are_jobs(tmp_path):
    assert on_cluster(plan(tmp_path)) == {"train@a", "train@b"}  # what of the shipped pipeline's heavy stages there is
    assert on_cluster(plan(tmp_path), ["train"]) == {"train@a", "train@b"}
    assert on_cluster(plan(tmp_path), ["train", "report"]) == {"train@a", "train@b", "report"}
    with pytest.raises(InputError, match="--there: the run has no stage 'trian'; did you mean 'train'"):
        on_cluster(plan(tmp_path), ["trian"])
    with pytest.raises(InputError, match="--there: plan always runs anew"):
        on_cluster(plan(tmp_path, cached=["report"]), ["plan"])


def test_without_slurm_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="--slurm: no sbatch on the PATH"):
        Resources().executor(tmp_path)


def test_what_is_asked_for_reaches_sbatch(tmp_path, monkeypatch):
    for tool in ("sbatch", "srun"):
        (tmp_path / tool).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = Resources("gpu", 90, 8, 1, 24.0, 12, {"account": "lab"})
    executor = asked.executor(tmp_path)
    text = executor._executor._make_submission_file_text("command", "uid")  # what sbatch is given
    wanted = ("partition=gpu", "time=90", "cpus-per-task=8", "gpus-per-node=1", "mem=24GB", "account=lab")
    assert all(f"#SBATCH --{one}\n" in text for one in wanted)
    bare = Resources().executor(tmp_path)._executor._make_submission_file_text("command", "uid")
    assert not any(f"--{one.partition('=')[0]}" in bare for one in wanted if not one.startswith("time"))


def test_a_run_ends_the_jobs_of_one_before_it_first(tmp_path, monkeypatch):
    """They would work in the same copies."""
    jobs = tmp_path / ".dvc/tmp/run/jobs"
    jobs.mkdir(parents=True)
    for name in ("7_0_submitted.pkl", "7_1_submitted.pkl", "7_0_0_result.pkl", "12_submitted.pkl"):
        (jobs / name).touch()
    for tool, script in {
        "scancel": f"echo $@ > {tmp_path}/asked",
        "squeue": f"test -e {tmp_path}/asked || echo 7",
    }.items():
        (tmp_path / tool).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    end_left_jobs(tmp_path)
    assert (tmp_path / "asked").read_text(encoding="utf-8").split() == ["--quiet", "12", "7"]
    assert not jobs.exists()
    (tmp_path / "asked").unlink()
    end_left_jobs(tmp_path)
    assert not (tmp_path / "asked").exists()


def test_why_jobs_wait_is_told_once_where_it_is_not_for_others(tmp_path, monkeypatch, capsys):
    """One that asks for more than the partition gives would wait for ever."""
    jobs = tmp_path / ".dvc/tmp/run/jobs"
    jobs.mkdir(parents=True)
    (jobs / "7_0_submitted.pkl").touch()
    tool = tmp_path / "squeue"
    tool.write_text("#!/bin/sh\nfor one in PartitionTimeLimit Resources PartitionTimeLimit; do echo $one; done\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    reasons = Reasons(tmp_path)
    reasons.look()
    assert capsys.readouterr().err == ""  # it is too early
    monkeypatch.setattr("mcdrl.commands.run.cluster._REASONS_S", 0)
    reasons = Reasons(tmp_path)
    reasons.look()
    reasons.look()
    assert capsys.readouterr().err == "jobs that wait, SLURM says PartitionTimeLimit: 2\n"


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy")


class Here:
    """submitit's executor of jobs on this machine.

    Attributes:
        instead: what its first jobs are instead of what they are asked to be.
        sizes: how many jobs each array had.
    """

    def __init__(self, folder, instead=()):
        self._executor = submitit.LocalExecutor(folder)
        self._executor.update_parameters(timeout_min=5)
        self.instead, self.sizes = list(instead), []

    def submit_array(self, jobs):
        self.sizes.append(len(jobs))
        return self._executor.submit_array([self.instead.pop(0) if self.instead else job for job in jobs])


class Refusing:
    """An executor whose sbatch fails."""

    def submit_array(self, _jobs):
        raise FailedJobError("sbatch: error: invalid partition specified: nope\nsbatch: error: Submission failed\n")


def run(toy, executor, *targets, by_remote=False):
    with contextlib.chdir(toy.folder):
        made = read_plan(targets, by_remote=by_remote)
        here = Local(toy.folder, [{"OMP_NUM_THREADS": "1"}], by_remote=by_remote)
        return run_plan(toy.folder, made, Cluster(toy.folder, made, executor, on_cluster(made, ["cell"]), here, 2))


def nothing():
    return 0


def broken():
    raise ValueError("the node is broken")


@pytest.fixture
def _nodes_find_the_library(toy, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", toy.environment["PYTHONPATH"])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_nodes_find_the_library")
class TestJobsOfThisMachine:
    def test_they_leave_the_record_of_dvc_repro(self, toy, tmp_path):
        executor = Here(tmp_path / "jobs")
        result = run(toy, executor)
        assert (result.code, result.done) == (0, 6)
        assert executor.sizes == [2, 1]  # two at a time
        assert sorted(toy.ran()) == ["beside", "gather"]  # the cells ran elsewhere
        plain = Toy(tmp_path / "plain")
        plain.dvc("repro")
        for name in ("dvc.lock", "out/all", *(f"out/{cell}" for cell in CELLS)):
            assert toy.read(name) == plain.read(name)
        assert list((toy.folder / ".dvc/tmp/run/copies").iterdir()) == []

    def test_what_they_read_reaches_them_by_the_remote(self, toy, tmp_path):
        """The plan is made here, in the same run."""
        toy.dvc("remote", "add", "--default", "store", "../store")
        result = run(toy, Here(tmp_path / "jobs"), "cell@x", by_remote=True)
        assert (result.code, result.done, toy.ran()) == (0, 2, [])
        assert toy.read("out/x") == b"one\n"

    def test_one_that_slurm_does_not_take_is_the_users_to_mend(self, toy):
        result = run(toy, Refusing())
        told = "error: SLURM takes no such job: invalid partition specified: nope; Submission failed"
        assert {failure.name: failure.told for failure in result.failures} == {f"cell@{cell}": told for cell in CELLS}
        assert (result.code, result.skipped, toy.ran()) == (2, ["gather"], ["beside"])

    def test_a_failed_one_is_a_failed_stage_and_none_is_made_here_instead(self, toy, tmp_path):
        """One leaves no result, a node is broken, a stage fails."""
        toy.write_pipeline(cell="echo 'error: no such site' >&2; exit 2")
        result = run(toy, Here(tmp_path / "jobs", [nothing, broken]))
        told = {failure.name: (failure.users, failure.log.read_text(encoding="utf-8")) for failure in result.failures}
        assert {name: users for name, (users, _) in told.items()} == {"cell@x": False, "cell@y": False, "cell@z": True}
        for name, words in zip(
            sorted(told), ("result is not in DVC's run cache here", "the node is broken", "no such site"), strict=True
        ):
            assert words in told[name][1]
        assert (result.code, result.skipped, toy.ran()) == (1, ["gather"], ["beside"])


needs_slurm = pytest.mark.skipif(bool(lacking()), reason=lacking() or "-")


@pytest.fixture
def node(tmp_path, toy):
    with slurm_node(tmp_path / "slurm") as environment:
        toy.extra.update(environment)
        yield (
            lambda *command: (
                subprocess.run(
                    command, env={**os.environ, **environment}, check=True, capture_output=True, text=True
                ).stdout
            )
        )


def running(node):
    """The numbers of the jobs that run, in the order of the stages."""
    return sorted(node("squeue", "-h", "--states=R", "--array", "-o", "%i").split())


def wait_for(path):
    deadline = time.monotonic() + 90
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@needs_slurm
@pytest.mark.enable_socket
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_jobs_that_are_preempted_or_out_of_time_are_queued_anew_and_go_on_in_their_copies(toy, tmp_path, node):
    """Their stages leave a file for the second attempt, as a training leaves its epochs."""
    rest = "test -e artifacts/half || { mkdir -p artifacts; touch artifacts/half; sleep 200; }"
    toy.write_pipeline(cell=f"test ${{item.m}} = z || {rest}; {toy.commands['cell']}")
    process = toy.start("--slurm", "--there", "cell", "--minutes", "30", "--cpus", "1")
    for cell in "xy":
        wait_for(toy.folder / f".dvc/tmp/run/copies/cell@{cell}/artifacts/half")
    node("scancel", "--signal=USR2", running(node)[1])
    time.sleep(3)
    node("sbatch", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 1")
    said, complained = process.communicate(timeout=200)
    assert (process.returncode, said.splitlines()[-1]) == (0, "6 stages done"), complained
    for cell in "xy":
        log = (toy.folder / f".dvc/tmp/run/cell@{cell}.log").read_text(encoding="utf-8")
        assert log.count(f"Running stage 'cell@{cell}'") == 2
    assert sorted(toy.ran()) == ["beside", "gather"]  # no cell here
    plain = Toy(tmp_path / "plain")
    plain.dvc("repro")
    assert toy.read("out/all") == plain.read("out/all")


@needs_slurm
@pytest.mark.enable_socket
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_that_is_cancelled_is_not_queued_anew(toy, node):
    toy.write_pipeline(cell=f"test ${{item.m}} != x || sleep 200; {toy.commands['cell']}")
    process = toy.start("--slurm", "--there", "cell", "--minutes", "30", "--cpus", "1")
    deadline = time.monotonic() + 90
    while "Running stage" not in read_log(toy.folder / ".dvc/tmp/run/cell@x.log"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    node("scancel", running(node)[0])
    _, complained = process.communicate(timeout=100)
    assert process.returncode == 1
    assert re.search(r"error: cell@x failed: .*job \d+_0 was cancelled", complained)
    assert read_log(toy.folder / ".dvc/tmp/run/cell@x.log").count("Running stage") == 1


@needs_slurm
@pytest.mark.enable_socket
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ctrl_c_cancels_the_jobs(toy, node):
    toy.write_pipeline(cell="mkdir -p artifacts; touch artifacts/began; sleep 200")
    process = toy.start("--slurm", "--there", "cell", "--minutes", "30", "--cpus", "1")
    wait_for(toy.folder / ".dvc/tmp/run/copies/cell@x/artifacts/began")
    assert node("squeue", "-h")
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    deadline = time.monotonic() + 30
    while node("squeue", "-h"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
