"""How fast `ingest` is beside bare decoding and resizing: python -m tests.benchmarks.ingest ROOT...

Each ROOT is a site's folder with frames in images/ and masks of equal stems in masks/. Both sides use Pillow on the
same files and take turns: `bare` opens every frame and its mask and squashes both, with no check, no table and no file
written; `ingest` is the stage's own `write_site`. Printed are the frames a second of both by processor time, their
ratio (the median over the rounds), the same by the clock with one and with two threads, and the peak resident memory
after half of the first site's frames and after all of them.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from mcdrl.sites.gate import Gate
from mcdrl.study.params import Site, resolve
from stages.ingest.write import write_site
from tests.factories import section_params

ROUNDS = 5
PARAMS = section_params("ingest")


def bare(root: Path) -> int:
    """Decode and squash every frame and its mask, and keep nothing; return how many."""
    size = (PARAMS.size_px, PARAMS.size_px)
    masks = {path.stem: path for path in (root / "masks").iterdir()}
    count = 0
    for path in sorted((root / "images").iterdir()):
        frame = Image.open(path).convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
        mask = Image.open(masks[path.stem]).convert("L").resize(size, Image.Resampling.NEAREST)
        np.asarray(frame), np.asarray(mask)
        count += 1
    return count


def ingest(root: Path, threads: int) -> int:
    """Run the stage on a site; return how many frames it accepted or refused."""
    with tempfile.TemporaryDirectory() as folder:
        result = write_site("x", root, resolve(_site(root)), PARAMS, ["lesion"], Path(folder), threads)
        return len(result.cases) + len(result.refused)


def rate(work: Callable[[], int], clock: Callable[[], float]) -> float:
    """Return the frames a second of `work` by a clock."""
    start = clock()
    count = work()
    return count / (clock() - start)


def compare(root: Path, cores: set[int]) -> None:
    """Print a site's line."""
    rounds: dict[str, list[float]] = {"bare": [], "ingest": [], "ratio": [], "one": [], "two": []}
    bare(root)
    for _ in range(ROUNDS):
        os.sched_setaffinity(0, set(sorted(cores)[:1]))
        plain = rate(lambda: bare(root), time.process_time)
        checked = rate(lambda: ingest(root, 1), time.process_time)
        one = rate(lambda: ingest(root, 1), time.perf_counter)
        os.sched_setaffinity(0, cores)
        two = rate(lambda: ingest(root, 2), time.perf_counter)
        for name, value in zip(rounds, (plain, checked, checked / plain, one, two), strict=True):
            rounds[name].append(value)
    middle = {name: statistics.median(values) for name, values in rounds.items()}
    print(
        f"{root.name:14} bare {middle['bare']:6.1f}/s   ingest {middle['ingest']:6.1f}/s   ratio {middle['ratio']:.2f}"
        f"   by the clock: 1 thread {middle['one']:6.1f}/s, 2 threads on {len(cores)} cores {middle['two']:6.1f}/s "
        f"(x{middle['two'] / middle['one']:.2f})",
        flush=True,
    )


def peak_mib() -> float:
    """Return the largest resident set of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(root: Path) -> None:
    """Print the peak of memory halfway through a site's frames and at their end."""
    gate = Gate("x", root, resolve(_site(root)), PARAMS, ["lesion"])
    peaks = [peak_mib() for _ in gate.frames(1)]
    half = peaks[len(peaks) // 2]
    print(f"{root.name}: peak {half:.0f} MiB after half of {len(peaks)} frames, {peaks[-1]:.0f} after all")


def _site(root: Path) -> Site:
    return Site(root=str(root), card="folder", lesion_class="lesion")


def main(roots: Annotated[list[Path], typer.Argument(help="Sites' folders.")]) -> None:
    """Print the figures of some sites."""
    memory(roots[0])
    cores = set(sorted(os.sched_getaffinity(0))[:2])
    for root in roots:
        compare(root, cores)


if __name__ == "__main__":
    typer.run(main)
