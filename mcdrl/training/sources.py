"""Where a training's frames and features come from: the device, the machine's memory, or the stores.

Batches have equal bytes wherever they come from and whoever reads them. What is kept is chosen by size, and so is the
number of readers by cores; MCDRL_FEATURES (auto, device, memory, stores) and MCDRL_READERS overrule that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, cast, get_args

import torch
from torch import Tensor

from mcdrl.base import parallel
from mcdrl.base.choices import nearest
from mcdrl.base.device import onto
from mcdrl.base.errors import InputError, shown
from mcdrl.base.parallel import batches
from mcdrl.base.runtime import free_memory_bytes, progress, usable_cores
from mcdrl.base.text import whole_number
from mcdrl.networks.inputs import Rows, SitesReader, to_rows

Item = TypeVar("Item")
Result = TypeVar("Result")
FrameView = tuple[str, str]  # a case, and how its frame is mirrored
Place = Literal["device", "memory", "stores"]
_AHEAD = 3  # batches that are read before they are needed
_AT_ONCE = 64  # frames that are read at a time to be kept
_MOST_READERS = 8
_SHARE = 0.5  # of the free memory that may be filled; activations and other processes need the rest


class RowSource(Protocol):
    """Gives the rows of some frames; several threads may ask at a time."""

    def rows(self, views: Sequence[FrameView]) -> Rows:
        """Return the rows of views, in the order given."""


@dataclass(frozen=True)
class StoredRows:
    """Reads what a training uses from the stores of its sites.

    Attributes:
        reader: of the sites.
        cached: what of the features is used, as `Trunk.cached` names it.
        maps: taps whose maps are used besides.
        masks: whether masks are read.
        pinned: whether rows are for CUDA, which copies from pinned memory while others work.
    """

    reader: SitesReader
    cached: Sequence[str]
    maps: Sequence[str] = ()
    masks: bool = True
    pinned: bool = False

    def rows(self, views: Sequence[FrameView]) -> Rows:
        """Return the rows of views."""
        cases, flips = zip(*views, strict=True)
        found = to_rows(self.reader.read(cases, mask=self.masks, cached=self.cached, flips=flips, maps=self.maps))
        if not self.pinned:
            return found
        return Rows({name: value.pin_memory() for name, value in found.tensors.items()}, found.kept)


@dataclass(frozen=True)
class KeptRows:
    """Holds the rows of all views that a training will ask for.

    Attributes:
        whole: the rows, all on one device.
        at: view -> its row.
        pinned: as in `StoredRows`.
    """

    whole: Rows
    at: Mapping[FrameView, int]
    pinned: bool = False

    def rows(self, views: Sequence[FrameView]) -> Rows:
        """Return the rows of views."""
        index = torch.tensor([self.at[view] for view in views])
        return Rows({name: self._taken(value, index) for name, value in self.whole.tensors.items()}, self.whole.kept)

    def _taken(self, value: Tensor, index: Tensor) -> Tensor:
        out = torch.empty(len(index), *value.shape[1:], dtype=value.dtype, device=value.device, pin_memory=self.pinned)
        return torch.index_select(value, 0, onto(index, value.device), out=out)


def keep(stored: RowSource, views: Sequence[FrameView], device: torch.device, *, pinned: bool = False) -> KeptRows:
    """Read all views once and hold them.

    Args:
        stored: where they are read from.
        views: at least one, each once.
        device: where they are held.
        pinned: as in `KeptRows`.
    """
    first = stored.rows(views[:1])
    whole = {
        name: torch.empty(len(views), *row.shape[1:], dtype=row.dtype, device=device)
        for name, row in first.tensors.items()
    }
    parts = list(batches(views, _AT_ONCE))
    for number, part in enumerate(progress(parts, "reading all features", len(parts))):
        for name, rows in stored.rows(part).tensors.items():
            whole[name][number * _AT_ONCE :][: len(part)] = onto(rows, device)
    return KeptRows(Rows(whole, first.kept), {view: row for row, view in enumerate(views)}, pinned)


def place_for(needed: int, device_free: int | None, memory_free: int) -> Place:
    """Return where rows are kept: on the device if they fill no more than half of what is free there, else in memory.

    Args:
        needed: bytes.
        device_free: bytes; None: the device is the CPU, or doesn't tell; the stores serve it as well.
        memory_free: bytes that this process may fill of the machine's.
    """
    if device_free is None:
        return "stores"
    if needed <= _SHARE * device_free:
        return "device"
    return "memory" if needed <= _SHARE * memory_free else "stores"


def source_for(
    stored: StoredRows, views: Sequence[FrameView], device: torch.device, processes: int
) -> tuple[RowSource, str]:
    """Return what gives a training its rows, and a line that says where they are; empty: they are read, as always.

    Args:
        stored: reads them.
        views: all that it will ask for.
        device: that it runs on.
        processes: that share this machine's memory.

    Raises:
        InputError: MCDRL_FEATURES is no such place.
    """
    needed = sum(row.nbytes for row in stored.rows(views[:1]).tensors.values()) * len(views)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None
    place = _asked() or place_for(needed, free, free_memory_bytes() // processes)
    where = {"device": str(device), "memory": "the machine's memory", "stores": "disk, read in each epoch"}[place]
    told = f"features: {needed / 1e9:.1f} GB on {where}" if device.type == "cuda" or _asked() else ""
    if place == "stores":
        return stored, told
    kept = keep(stored, views, device if place == "device" else torch.device("cpu"),
                pinned=place == "memory" and stored.pinned)  # fmt: skip
    return kept, told


def readers_for(device: torch.device, processes: int) -> int:
    """Return how many threads read ahead: one beside a CPU, which has its own work, else one a core, eight at most.

    Args:
        device: that the training runs on.
        processes: that share this machine's cores.

    Raises:
        InputError: MCDRL_READERS is no number of threads.
    """
    told = os.environ.get("MCDRL_READERS", "auto")
    if told == "auto":
        return 1 if device.type == "cpu" else max(1, min(_MOST_READERS, usable_cores() // processes))
    found = whole_number(told)
    if not found:
        raise InputError(f"MCDRL_READERS is {shown(told)}, expected auto or a whole number of at least 1")
    return found


def _asked() -> Place | None:
    told, legal = os.environ.get("MCDRL_FEATURES", "auto"), [*get_args(Place), "auto"]
    if told not in legal:
        raise InputError(f"MCDRL_FEATURES is '{told}'; {nearest(told, legal)}")
    return None if told == "auto" else cast(Place, told)


def ahead(function: Callable[[Item], Result], items: Iterable[Item], readers: int = 1) -> Generator[Result, None, None]:
    """Yield `function(item)` for every item, in order, made by threads a few items ahead; its error is raised here.

    Closing the generator stops the threads and waits for them, so that no file is read after it was closed.
    """
    pool = ThreadPoolExecutor(readers, thread_name_prefix="read-ahead")
    try:
        yield from parallel.ahead(pool, function, items, _AHEAD + readers)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
