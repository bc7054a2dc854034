"""What a killed run continues from: one safetensors file, replaced whole after every epoch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.optim import AdamW

from mcdrl.base.files import atomic
from mcdrl.networks.interface import Method
from mcdrl.training.selection import Epoch

_FILE = "last.safetensors"


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is.

    Random numbers aren't kept: order, flips and dropout of an epoch are drawn anew from the seed and the epoch.

    Attributes:
        history: the finished epochs.
        best: weights of the best one so far.
        average: state of the average over steps; empty where nothing is averaged.
        threads: of torch's on the CPU, by which the last epoch was computed: sums over several round otherwise.
    """

    history: list[Epoch]
    best: dict[str, Tensor]
    average: dict[str, Tensor] = field(default_factory=dict)
    threads: int = field(default_factory=torch.get_num_threads)


def save(folder: Path, progress: TrainingProgress, method: Method, optimiser: AdamW) -> None:
    """Replace the checkpoint in `folder`."""
    tensors = {f"method.{name}": value for name, value in method.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in progress.best.items()}
    tensors |= {f"average.{name}": value for name, value in progress.average.items()}
    for number, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
    history = json.dumps([asdict(record) for record in progress.history])
    with atomic(folder / _FILE) as partial:
        whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        told = {"history": history, "threads": str(progress.threads)}
        told["digest"] = _digest(whole, told)
        partial.write_bytes(to_bytes(whole, metadata=told))  # save_file would hide a full disk


def restore(folder: Path, method: Method, optimiser: AdamW) -> TrainingProgress | None:
    """Put method and optimiser where the checkpoint in `folder` left them.

    Returns:
        How far it was; None where there is no undamaged checkpoint of this method, and nothing was touched.
    """
    try:
        with safe_open(folder / _FILE, framework="pt") as file:
            told = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        if told.pop("digest") != _digest(tensors, told):
            return None
        history = [Epoch(**record) for record in json.loads(told["history"])]
        threads = int(told["threads"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    progress = TrainingProgress(history, _below("best", tensors), _below("average", tensors), threads)
    weights = _below("method", tensors)
    if not (_fits(method, weights) and _fits(method, progress.best)):
        return None
    method.load_state_dict(weights)
    _restore_optimiser(optimiser, _below("optimiser", tensors))
    return progress


def _digest(tensors: Mapping[str, Tensor], told: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _fits(method: Method, tensors: Mapping[str, Tensor]) -> bool:
    expected = {name: value.shape for name, value in method.state_dict().items()}
    return expected == {name: value.shape for name, value in tensors.items()}


def _restore_optimiser(optimiser: AdamW, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, _, entry = name.partition(".")
        state.setdefault(int(number), {})[entry] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def snapshot(method: Method) -> dict[str, Tensor]:
    """Return a copy of the method's state on the CPU."""
    return {name: torch.clone(value.detach()).cpu() for name, value in method.state_dict().items()}
