"""The machine: Python, packages, tools, memory and disk."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from mcdrl.base.runtime import free_memory_bytes, machine_memory_gb, usable_cores
from mcdrl.commands.doctor.check import NOTE, OK, PROBLEM, Check

_PYTHON = (3, 11)
_DISTRIBUTION = "mcdrl"
EXPORT_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_DICOM_PACKAGES = ("pydicom", "highdicom")
_VIDEO_PACKAGES = ("av",)
_FREE_GB = 2.0
_MEMORY_GB = 4.0


def tools() -> list[Check]:
    """Look at Python, the packages, the processor and the programs that are called."""
    programs = [_tool("dvc", "pip install -e ."), _tool("git", "install git")]
    return [_python(), _packages(), *_extras(), _device(), *programs]


def room(root: Path) -> list[Check]:
    """Look at the memory, and at the disk that holds `root`."""
    return [memory(), _disk(root)]


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= _PYTHON:
        return Check("Python", OK, found)
    return Check("Python", PROBLEM, found, "install Python 3.11 or newer")


def _packages() -> Check:
    try:
        wanted = [Requirement(line) for line in importlib.metadata.requires(_DISTRIBUTION) or []]
    except importlib.metadata.PackageNotFoundError:
        return Check("packages", PROBLEM, f"{_DISTRIBUTION} isn't installed", "pip install -e .")
    needed = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = [text for text in map(_unmet, needed) if text]
    if wrong:
        return Check("packages", PROBLEM, "; ".join(wrong), "pip install -e .")
    told = importlib.metadata.version(_DISTRIBUTION)
    return Check("packages", OK, f"{_DISTRIBUTION} {told} and all {len(needed)} that it needs")


def _extras() -> list[Check]:
    return [
        _extra("export to ONNX", "export", EXPORT_PACKAGES),
        _extra("DICOM", "dicom", _DICOM_PACKAGES),
        _extra("videos", "video", _VIDEO_PACKAGES),
        _extra("SLURM jobs", "cluster", ("submitit",)),
    ]


def _extra(what: str, extra: str, packages: Sequence[str]) -> Check:
    if missing := not_installed(packages):
        return Check(what, NOTE, f"{', '.join(missing)} not installed", f"pip install -e '.[{extra}]'")
    return Check(what, OK, ", ".join(packages))


def not_installed(packages: Sequence[str]) -> list[str]:
    """Return those of some packages that can't be imported."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def _unmet(wanted: Requirement) -> str:
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{wanted.name} is missing"
    fits = wanted.specifier.contains(version, prereleases=True)
    return "" if fits else f"{wanted.name} {version} is not {wanted.specifier}"


def _device() -> Check:
    try:
        import torch  # seconds
    except ImportError as error:
        return Check("device", PROBLEM, f"torch can't be imported: {error}", "pip install -e .")
    cores = f"{usable_cores()} CPU threads"
    if not torch.cuda.is_available():
        return Check("device", OK, f"{cores}, no GPU: fine for lite0, slow for large backbones")
    names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return Check("device", OK, f"{names}; {cores}")


def _tool(name: str, fix: str) -> Check:
    found = shutil.which(name)
    return Check(name, OK, "found") if found else Check(name, PROBLEM, "not on the PATH", fix)


def memory() -> Check:
    """Look at the memory: the machine's, or a container's where that is less."""
    all_gb, free_gb = machine_memory_gb(), free_memory_bytes() / 1e9
    if math.isinf(all_gb) or not free_gb:
        return Check("memory", NOTE, "this system doesn't tell", f"have {_MEMORY_GB:.0f} GB or more")
    found = f"{all_gb:.1f} GB, {free_gb:.1f} GB unused"
    if all_gb >= _MEMORY_GB:
        return Check("memory", OK, found)
    return Check("memory", NOTE, found, "lower encode.batch_size and train.batch_size in params.yaml")


def _disk(root: Path) -> Check:
    free_gb = shutil.disk_usage(root).free / 1e9
    if free_gb >= _FREE_GB:
        return Check("disk", OK, f"{free_gb:.1f} GB free")
    return Check("disk", PROBLEM, f"{free_gb:.1f} GB free", f"make room: {_FREE_GB:.0f} GB or more")
