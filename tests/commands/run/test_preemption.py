"""What a signal means to a job by SLURM's record of it; tests of jobs run it under a real SLURM."""

import os
import shlex
import signal
import subprocess
import sys

import pytest

from mcdrl.commands.run.preemption import blocked

JOB = """
import os, signal, sys, time
from mcdrl.commands.run.preemption import be_deaf, heed
def submitits(*_):
    print("requeued", flush=True)
    sys.exit(0)
signal.signal(signal.SIGUSR2, submitits)
if "early" in sys.argv:
    os.kill(os.getpid(), int(sys.argv[1]))
heed()
if "deaf" in sys.argv:
    be_deaf()
os.kill(os.getpid(), int(sys.argv[1]))
time.sleep(0.1)
print("undisturbed")
"""
RECORD = "JobId=8 ArrayJobId=7 ArrayTaskId=1 JobName=mcdrl JobState={} Reason=None Requeue=1 Restarts={} ExitCode=0:0"


@pytest.fixture
def environment(tmp_path):
    return {
        **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "8",
        "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "1", "SLURM_RESTART_COUNT": "1",
    }  # fmt: skip


def hear(environment, signum, *how, state="RUNNING", restarts=1):
    """Return what a job says that hears a signal, and how it ended."""
    tool = environment["PATH"].partition(":")[0] + "/scontrol"
    with open(tool, "w", encoding="utf-8") as stream:
        stream.write(f"#!/bin/sh\n[ \"$*\" = 'show job --oneliner 7_1' ] && echo '{RECORD.format(state, restarts)}'\n")
    os.chmod(tool, 0o755)
    command = [*shlex.split(blocked(sys.executable)), "-c", JOB, str(int(signum)), *how]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip(), done.stderr.strip().splitlines()[-1:], done.returncode


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR2])
def test_one_that_runs_on_is_queued_anew(environment, signum):
    assert hear(environment, signum) == ("requeued", [], 0)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR2])
def test_one_that_has_not_begun_yet_hears_it_then(environment, signum):
    assert hear(environment, signum, "early") == ("requeued", [], 0)


def test_one_that_slurm_itself_queues_anew_leaves_no_result(environment):
    told = ["queued anew by SLURM itself"]
    assert hear(environment, signal.SIGTERM, state="COMPLETING", restarts=2) == ("", told, 1)


def test_one_that_is_cancelled_says_so(environment):
    told = ["mcdrl.commands.run.preemption.Cancelled: SLURM's job 7_1 was cancelled"]
    assert hear(environment, signal.SIGTERM, state="COMPLETING") == ("", told, 1)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR2])
def test_one_that_is_at_its_end_is_not_disturbed(environment, signum):
    assert hear(environment, signum, "deaf") == ("undisturbed", [], 0)
