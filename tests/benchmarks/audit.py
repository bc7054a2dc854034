"""How well the leak audit finds planted copies, and how often it cries wolf: python tests/benchmarks/audit.py ROOT...

Each ROOT is a site's folder with frames in images/. Of up to 150 frames a site, drawn by name, copies are planted at a
site of their own: rescaled to 5/8, JPEG at quality 60, cropped by 5 % on every side, on two sides, and all at once.
Printed are the share of copies that is found, the pairs of different sites that are flagged, and how far both stand
from the two limits of params.yaml.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "audit"))
from pictures import COPIES, working

from stages.audit.alignment import correlations
from stages.audit.candidates import near_hashes
from stages.audit.params import Params
from stages.audit.prints import Prints, join, take_prints
from stages.core.seeds import generator

PLANTED = 150
LIMITS = Params()
WIDE_BITS = 56  # looked at beyond the limit, to see how far it is from what it must keep and leave out


def prints_of(files: list[Path], change: Callable[[Image.Image], Image.Image] | None = None) -> Prints:
    """Return the prints of frames as `ingest` squashes them, each changed first."""
    parts = []
    for file in files:
        image = Image.open(file).convert("RGB")
        parts.append(take_prints(working(change(image) if change else image)[None]))
    return join(parts)


def compare(prints: Prints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs [P, 2], their differing bits and correlations, looking further than the limit."""
    pairs = near_hashes(prints.hashes, WIDE_BITS)
    alike = correlations(prints.thumbs, pairs)
    return np.stack([pairs.zoomed, pairs.whole], axis=1), pairs.bits, alike


def originals_line(prints: Prints, site: np.ndarray) -> str:
    """Say how many pairs of different sites are flagged, and how near the others come."""
    start = time.perf_counter()
    near_hashes(prints.hashes, LIMITS.hash_bits)
    seconds = time.perf_counter() - start
    pairs, bits, alike = compare(prints)
    across = site[pairs[:, 0]] != site[pairs[:, 1]]
    flagged = (bits <= LIMITS.hash_bits) & (alike >= LIMITS.correlation)
    total = (len(site) ** 2 - sum(np.square(np.unique(site, return_counts=True)[1]))) // 2
    return (
        f"{len(site)} frames, hashes of all pairs compared in {seconds:.1f} s\n"
        f"pairs of different sites: {total}, near hashes {int((across & (bits <= LIMITS.hash_bits)).sum())}, "
        f"flagged {int((across & flagged).sum())}; largest correlation {alike[across].max(initial=0):.3f}\n"
        f"pairs of one site flagged: {int((~across & flagged).sum())}"
    )


def copies_line(name: str, prints: Prints, chosen: np.ndarray, copies: Prints) -> str:
    """Say which share of the planted copies is found with its original."""
    count = len(chosen)
    originals = Prints(prints.hashes[chosen], prints.thumbs[chosen])
    pairs, bits, alike = compare(join([originals, copies]))
    true = np.abs(pairs[:, 0] - pairs[:, 1]) == count  # a copy stands as far behind its original as there are copies
    found = true & (bits <= LIMITS.hash_bits) & (alike >= LIMITS.correlation)
    return (
        f"{name:14} {found.sum()}/{count} found ({found.sum() / count:.2%}); "
        f"most bits {bits[true].max()} (limit {LIMITS.hash_bits}), least correlation {alike[true].min():.3f} "
        f"(limit {LIMITS.correlation})"
    )


def main(roots: Annotated[list[Path], typer.Argument(help="Sites' folders.")]) -> None:
    """Print the figures of some sites."""
    files = {root.name: sorted((root / "images").iterdir()) for root in roots}
    everything = [file for own in files.values() for file in own]
    site = np.repeat(list(files), [len(own) for own in files.values()])
    prints = prints_of(everything)
    print(originals_line(prints, site))
    chosen = np.concatenate(
        [np.sort(generator("benchmark", name).permutation(np.flatnonzero(site == name))[:PLANTED]) for name in files]
    )
    for change in COPIES:
        copies = prints_of([everything[place] for place in chosen], change)
        print(copies_line(change.__name__, prints, chosen, copies), flush=True)


if __name__ == "__main__":
    typer.run(main)
