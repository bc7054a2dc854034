"""Devices, precision and determinism; facts of the machine come from the environment, never from params.yaml.

MCDRL_ACCELERATOR (auto, cpu, cuda, mps), MCDRL_DEVICES and MCDRL_NODES (1) say what to train on; under torchrun or
SLURM Fabric finds its place by itself.
"""

from __future__ import annotations

import ctypes
import os
import sys

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from mcdrl.base.device import allow_tf32, resolved_precision
from mcdrl.base.errors import InputError, shown
from mcdrl.base.text import whole_number

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEEP_BYTES = 2**30


def make_fabric(precision: str) -> Fabric:
    """Return Fabric for the environment's devices, launched.

    Args:
        precision: 32-true, bf16-mixed, or auto: bf16-mixed on CUDA, else 32-true.

    Raises:
        InputError: the environment asks for devices that aren't there.
    """
    accelerator = os.environ.get("MCDRL_ACCELERATOR", "auto")
    devices, nodes = _count("MCDRL_DEVICES"), _count("MCDRL_NODES")
    cuda = accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available()
    kind = "cuda" if cuda else "cpu"
    chosen = resolved_precision(precision, kind)
    allow_tf32(chosen, kind)
    # Before the intervention is on, its parameters have no gradient; DDP has to be told.
    strategy = DDPStrategy(find_unused_parameters=True) if devices * nodes > 1 else "auto"
    try:
        fabric = Fabric(
            accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy, precision=chosen,  # type: ignore[arg-type]
        )  # fmt: skip
    except (ImportError, ValueError, RuntimeError) as error:
        raise InputError(
            f"MCDRL_ACCELERATOR={accelerator}, MCDRL_DEVICES={devices}: {error}; expected auto, cpu, cuda or mps, and "
            "as many devices as there are"
        ) from None
    fabric.launch()
    return fabric


def describe(fabric: Fabric) -> dict[str, int | str]:
    """Return what of the machine changes a training's numbers: processes, type of device, precision as resolved."""
    return {
        "processes": fabric.world_size,
        "device": fabric.device.type,
        "precision": fabric.strategy.precision.precision,
    }


def local_processes(fabric: Fabric) -> int:
    """Return how many of a training's processes share this machine."""
    return fabric.world_size // _count("MCDRL_NODES") or 1


def make_deterministic() -> None:
    """Ask torch for deterministic kernels, before CUDA starts; on CUDA it warns where there is none."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else those of cuBLAS aren't
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # Nothing reads uninitialised memory here; filling it would take a sixth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for the next step; giving it back each time costs a quarter of a step's time."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
        libc.mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)


def _count(name: str) -> int:
    value = os.environ.get(name, "1")
    found = whole_number(value)
    if not found:
        raise InputError(f"{name} is {shown(value)}, expected a whole number of at least 1")
    return found
