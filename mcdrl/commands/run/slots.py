"""What a stage is given of the machine: a GPU, or a group of cores."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from mcdrl.base.errors import InputError

GPUS, _THREADS = "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"
_GB_A_SLOT = 2.0  # a training on lite0 takes 1 to 1.5
_MOST = 9999
_NAME = r"\d+|(GPU|MIG)-.+"  # of a GPU, as CUDA takes it; what else stands there hides it and all that follow


def shared_out(wanted: str, gpus: Sequence[str], cores: int, memory_gb: float) -> list[dict[str, str]]:
    """Return what the environment of each stage that runs at a time says of GPUs and threads.

    Args:
        wanted: a number, or auto: one for each GPU, without one for each core as far as the memory goes.
        gpus: their names for CUDA_VISIBLE_DEVICES; several slots may share one. None: nothing is said of GPUs.
        cores: that are shared out. An OMP_NUM_THREADS of the user's stays.
        memory_gb: of the machine.

    Raises:
        InputError: the number is none, or one of no machine.
    """
    if wanted != "auto" and not (re.fullmatch(r"\d{1,4}", wanted) and int(wanted)):
        raise InputError(f"--slots: '{wanted}' is no number of stages at a time; expected 1, 2, ... {_MOST} or auto")
    fitting = len(gpus) or max(1, min(cores, int(memory_gb / _GB_A_SLOT)))
    count = fitting if wanted == "auto" else int(wanted)
    threads = os.environ.get(_THREADS) or str(max(1, cores // count))
    return [{_THREADS: threads, **_gpu(gpus, number)} for number in range(count)]


def _gpu(gpus: Sequence[str], slot: int) -> dict[str, str]:
    return {GPUS: gpus[slot % len(gpus)]} if gpus else {}


def chosen_gpus(wanted: str, visible: Sequence[str]) -> list[str]:
    """Return the GPUs that a user names.

    Args:
        wanted: names for CUDA_VISIBLE_DEVICES.
        visible: the GPUs that may be used; none: nobody could tell, as without nvidia-smi, and the names stand.

    Raises:
        InputError: no GPU is named, or one as none is called, which CUDA would take for none at all.
    """
    names = visible_gpus({GPUS: wanted})
    lost = [name for name in names if not re.fullmatch(_NAME, name)]
    lost += [name for name in names if visible and name.isdecimal() and name not in visible]
    if lost or not names:
        known = ",".join(visible) or "0,1,..."
        raise InputError(f"--gpus '{wanted}': there is no GPU '{next(iter(lost), '')}'; expected names among {known}")
    return names


def visible_gpus(environment: Mapping[str, str]) -> list[str]:
    """Return the GPUs that may be used: those that CUDA_VISIBLE_DEVICES names, else all that the driver lists."""
    if GPUS in environment:
        return [name.strip() for name in environment[GPUS].split(",") if name.strip() not in ("", "-1")]
    if not (tool := shutil.which("nvidia-smi")):
        return []
    told = subprocess.run(
        [tool, "--list-gpus"], capture_output=True, encoding="utf-8", errors="replace", check=False
    ).stdout
    return [str(number) for number, _ in enumerate(line for line in told.splitlines() if line.startswith("GPU "))]
