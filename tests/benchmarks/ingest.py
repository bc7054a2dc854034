"""How fast `ingest` is beside bare decoding and resizing: python -m tests.benchmarks.ingest ROOT...

Each ROOT is a site's folder with frames in images/ and masks of equal stems in masks/. Both sides use Pillow on the
same files and take turns: `bare` opens every frame and its mask and squashes both, with no check, no table and no file
written; `ingest` is the stage's own `write_site`. Printed are the processor time a frame of both and their ratio, the
stage's frames a second by the clock with one and with two threads, and the peak resident memory after half of the first
site's frames and after all of them.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from mcdrl.sites.gate import Gate
from mcdrl.study.params import Site, resolve
from stages.ingest.write import write_site
from tests.benchmarks._ratios import compare, cpu_s
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


def by_the_clock(root: Path, cores: set[int]) -> None:
    """Print the frames a second of the stage with one and with two threads."""
    one, two = (statistics.median(rate(root, threads) for _ in range(ROUNDS)) for threads in (1, 2))
    print(f"{root.name}: {one:.1f} frames/s, 2 threads on {len(cores)} cores {two:.1f} (x{two / one:.2f})", flush=True)


def rate(root: Path, threads: int) -> float:
    """Return the frames a second, by the clock, of the stage with so many threads."""
    start = time.perf_counter()
    count = ingest(root, threads)
    return count / (time.perf_counter() - start)


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


def main(
    roots: Annotated[list[Path], typer.Argument(help="Sites' folders.")],
    rounds: Annotated[int, typer.Option(help="How often both take their turn.")] = ROUNDS,
    out: Annotated[Path | None, typer.Option(help="Parquet that keeps the ratios.")] = None,
) -> None:
    """Print the figures of some sites."""
    memory(roots[0])
    cores = set(sorted(os.sched_getaffinity(0))[:2])
    for root in roots:
        count = bare(root)
        compare(
            f"ingest {root.name}",
            lambda root=root, count=count: cpu_s(lambda: ingest(root, 1)) * 1e3 / count,
            lambda root=root, count=count: cpu_s(lambda: bare(root)) * 1e3 / count,
            rounds, "ms a frame", out,
        )  # fmt: skip
        by_the_clock(root, cores)


if __name__ == "__main__":
    typer.run(main)
