"""A real SLURM of one node on this machine: munged, slurmctld and slurmd, in a folder of their own, on loopback.

A job in its partition `urgent` preempts those of the default one, which have some seconds of grace.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol")
_PLACES = "/usr/sbin:/sbin:/opt/slurm/bin"
_START_S, _END_S = 30, 15

CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=2
PlugStackConfig=/dev/null
NodeName=localhost NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=localhost Default=YES MaxTime=60 State=UP PriorityTier=1 GraceTime=20
PartitionName=urgent Nodes=localhost MaxTime=60 State=UP PriorityTier=2 PreemptMode=OFF
"""


def path() -> str:
    """The PATH with the places where systems put SLURM's daemons."""
    return f"{os.environ['PATH']}:{_PLACES}"


def lacking() -> str:
    """Why there can be no SLURM here; empty: there can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=path()) is None]
    if missing:
        return f"{missing[0]} is not installed (Debian: slurm-wlm, munge)"
    return "" if os.geteuid() == 0 else "SLURM's node daemon runs as root"


@contextmanager
def slurm_node(folder: Path) -> Iterator[dict[str, str]]:
    """Run one; yield what the environment of its commands says beside ours."""
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True)
    for above in (folder, *folder.parents):
        if not above.stat().st_mode & 1:  # munge wants its socket to be in reach of everybody
            above.chmod(above.stat().st_mode | 0o111)
    key = folder / "munge/key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    configuration = folder / "slurm.conf"
    text = CONFIGURATION.format(folder=folder, ports=[_free_port(), _free_port()], host=socket.gethostname())
    configuration.write_text(text, encoding="utf-8")
    environment = {**os.environ, "PATH": path(), "SLURM_CONF": str(configuration)}
    munge = [f"--{name}={folder}/munge/{name}" for name in ("key-file", "socket", "pid-file", "log-file", "seed-file")]
    munge[0] = f"--key-file={key}"
    commands = (
        ["munged", "--foreground", "--num-threads=10", *munge],
        ["slurmctld", "-D", "-f", str(configuration)],
        ["slurmd", "-D", "-f", str(configuration), "-N", "localhost"],
    )
    daemons = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("wb") as log:
                program = shutil.which(command[0], path=path())
                daemons.append(subprocess.Popen([str(program), *command[1:]], env=environment, stdout=log, stderr=log))
            time.sleep(1)
        _wait(environment)
        yield {"PATH": path(), "SLURM_CONF": str(configuration)}
    finally:
        _end_jobs(environment)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def _wait(environment: dict[str, str]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        told = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True, check=False)
        if told.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    raise AssertionError(f"SLURM didn't start: {told.stdout} {told.stderr}")


def _end_jobs(environment: dict[str, str]) -> None:
    """Let no job outlive the daemons, which would leave it to itself."""
    subprocess.run(["scancel", "--user=root"], env=environment, capture_output=True, check=False)
    deadline = time.monotonic() + _END_S
    while (
        time.monotonic() < deadline
        and subprocess.run(["squeue", "-h"], env=environment, capture_output=True, check=False).stdout
    ):
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
