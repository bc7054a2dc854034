"""Torch's own random numbers, of which dropout and new layers draw, from a seed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Draw from a seed inside, and leave the outer state untouched, that of the GPUs with it.

    `torch.manual_seed` would seed every GPU, which `torch.random.fork_rng` restores only where it is told of it.

    Args:
        seed: of the draws.
        device: whose draws are seeded beside the CPU's; None: no other's.
    """
    others = [device] if device is not None and device.type not in ("cpu", "meta") else []
    with torch.random.fork_rng(devices=others, device_type=others[0].type if others else "cuda"):
        torch.default_generator.manual_seed(seed)
        for other in others:
            _seed(other, seed)
        yield


def _seed(device: torch.device, seed: int) -> None:
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    else:
        getattr(torch, device.type).manual_seed(seed)
