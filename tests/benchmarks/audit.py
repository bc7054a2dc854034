"""How well the leak audit finds planted copies, and how often it cries wolf: python -m tests.benchmarks.audit ROOT...

Each ROOT is a site's folder with frames in images/. Of up to 50 frames a site, drawn by name, copies are planted at a
site of their own: rescaled to 5/8, JPEG at quality 60, cropped by 5 % on every side, on two sides, all at once, that
and mirrored or turned in each of the seven ways, and cropped by 2 to 20 % of each side, centrally and anywhere.
Printed are the share of copies that is found, how many of these the index of many frames finds, too, the pairs of
different sites that are flagged, and how far both stand from the two limits of params.yaml.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from mcdrl.base.seeds import generator
from stages.audit.alignment import correlations
from stages.audit.candidates import near_hashes
from stages.audit.index import meeting
from stages.audit.prints import Prints, join, take_prints
from stages.audit.symmetry import SYMMETRIES
from tests.factories import section_params
from tests.stages.audit.pictures import COPIES, cropped_by, turned_by, working

PLANTED = 50
LIMITS = section_params("audit")
CUTS = (0.02, 0.05, 0.1, 0.15, 0.2)  # of each side
ALL = 10**6  # frames, of which all pairs are compared
WIDE_BITS = 56  # looked at beyond the limit, to see how far it is from what it must keep and leave out


def cropped_anywhere(cut: float) -> Callable[[Image.Image], Image.Image]:
    """Return what crops as much as a central crop would, at a place that each frame's pixels draw."""

    def copy(image: Image.Image) -> Image.Image:
        left, top = generator("benchmark", cut, sha256(image.tobytes()).hexdigest()).random(2)
        return cropped_by(cut, left, top)(image)

    copy.__name__ = f"crop_{cut:.0%}_anywhere"
    return copy


CHANGES = [
    *COPIES, *map(turned_by, SYMMETRIES[1:]), *map(cropped_by, CUTS), *map(cropped_anywhere, CUTS)
]  # fmt: skip


def prints_of(files: list[Path], change: Callable[[Image.Image], Image.Image] | None = None) -> Prints:
    """Return the prints of frames as `ingest` squashes them, each changed first."""
    parts = []
    for file in files:
        image = Image.open(file).convert("RGB")
        parts.append(take_prints(working(change(image) if change else image)[None]))
    return join(parts)


def compare(prints: Prints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs [P, 2], their differing bits and correlations, looking further than the limit."""
    pairs = near_hashes(prints.views, prints.wholes, WIDE_BITS, ALL)
    alike = correlations(prints.thumbs, pairs)
    return np.stack([pairs.zoomed, pairs.whole], axis=1), pairs.bits, alike


def originals_line(prints: Prints, site: np.ndarray) -> str:
    """Say how many pairs of different sites are flagged, and how near the others come."""
    start = time.process_time()
    near_hashes(prints.views, prints.wholes, LIMITS.hash_bits, ALL)
    seconds = time.process_time() - start
    pairs, bits, alike = compare(prints)
    across = site[pairs[:, 0]] != site[pairs[:, 1]]
    flagged = (bits <= LIMITS.hash_bits) & (alike >= LIMITS.correlation)
    total = (len(site) ** 2 - sum(np.square(np.unique(site, return_counts=True)[1]))) // 2
    return (
        f"{len(site)} frames, hashes of all pairs compared in {seconds:.1f} s of CPU time\n"
        f"pairs of different sites: {total}, near hashes {int((across & (bits <= LIMITS.hash_bits)).sum())}, "
        f"flagged {int((across & flagged).sum())}; largest correlation {alike[across].max(initial=0):.3f}\n"
        f"pairs of one site flagged: {int((~across & flagged).sum())}"
    )


def copies_line(name: str, prints: Prints, chosen: np.ndarray, copies: Prints) -> str:
    """Say which share of the planted copies is found with its original."""
    count = len(chosen)
    originals = Prints(prints.views[chosen], prints.wholes[chosen], prints.thumbs[chosen])
    both = join([originals, copies])
    pairs, bits, alike = compare(both)
    true = np.abs(pairs[:, 0] - pairs[:, 1]) == count  # a copy stands as far behind its original as there are copies
    found = true & (bits <= LIMITS.hash_bits) & (alike >= LIMITS.correlation)
    met = {tuple(pair) for pair in meeting(both.views, both.wholes, LIMITS.hash_bits).tolist()}
    by_index = sum(tuple(pair) in met for pair in np.sort(pairs[found], axis=1).tolist())
    most, least = bits[true].max(initial=0), alike[true].min(initial=1)
    return (
        f"{name:20} {found.sum()}/{count} found ({found.sum() / count:.2%}), {by_index} of these by the index; "
        f"most bits {most} (limit {LIMITS.hash_bits}), least correlation {least:.3f} (limit {LIMITS.correlation})"
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
    for change in CHANGES:
        copies = prints_of([everything[place] for place in chosen], change)
        print(copies_line(change.__name__, prints, chosen, copies), flush=True)


if __name__ == "__main__":
    typer.run(main)
