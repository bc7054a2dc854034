"""A frame's perceptual hashes and its thumbnail, by which copies of it are found."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.imaging.neighbours import difference_hash
from stages.audit.symmetry import SYMMETRIES, turned

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Grey = np.ndarray[Any, np.dtype[np.uint8]]
THUMB_PX = 64
_HASHED_PX = 96
_SIDE = 0.05  # of a side: what is cut off a single one
_CROPS = ((0.025, 1), (0.025, 2), (0.05, 1), (0.065, 3), (0.1, 5), (0.125, 1), (0.15, 1), (0.175, 1), (0.2, 1))
# what is cut off each side on average, in parts of it, and at how many places along a side such a crop is looked for


def _views() -> list[tuple[float, float, float, float]]:
    """Return the whole frame, then what a crop of it could show: left, top, right, bottom in parts of the frame."""
    found = [(0.0, 0.0, 1.0, 1.0)]
    found += [(_SIDE, 0.0, 1.0, 1.0), (0.0, _SIDE, 1.0, 1.0), (0.0, 0.0, 1 - _SIDE, 1.0), (0.0, 0.0, 1.0, 1 - _SIDE)]
    for cut, places in _CROPS:
        starts = np.linspace(0, 2 * cut, places) if places > 1 else [cut]
        found += [(left, top, left + 1 - 2 * cut, top + 1 - 2 * cut) for left, top in product(starts, repeat=2)]
    return found


VIEWS = np.array(_views(), dtype=np.float32)


@dataclass(frozen=True)
class Prints:
    """What frames are compared by.

    Attributes:
        views: [N, V, 4] uint64, the 256-bit difference hash of each of the `VIEWS`.
        wholes: [N, 8, 4] uint64, that of the whole frame under each of the `SYMMETRIES`.
        thumbs: [N, 64, 64] uint8, grey 0..255.
    """

    views: Hashes
    wholes: Hashes
    thumbs: Grey


def take_prints(images: Grey) -> Prints:
    """Return the prints of frames.

    Neither scaling nor JPEG changes a difference hash much. A crop does, hence the views; so do mirroring and turning,
    hence the symmetries.

    Args:
        images: [N, S, S, 3] uint8, RGB 0..255.
    """
    greys = [Image.fromarray(image).convert("L") for image in images]
    thumbs = [np.asarray(grey.resize((THUMB_PX, THUMB_PX), Image.Resampling.BOX)) for grey in greys]
    smalls = [grey.resize((_HASHED_PX, _HASHED_PX), Image.Resampling.BILINEAR) for grey in greys]
    return Prints(
        np.stack([_view_hashes(small) for small in smalls]),
        np.stack([_whole_hashes(small) for small in smalls]),
        np.stack(thumbs),
    )


def join(parts: list[Prints]) -> Prints:
    """Return the prints of several batches as one."""
    views, wholes, thumbs = zip(*((part.views, part.wholes, part.thumbs) for part in parts), strict=True)
    return Prints(np.concatenate(views), np.concatenate(wholes), np.concatenate(thumbs))


def _view_hashes(small: Image.Image) -> Hashes:
    boxes = [tuple(round(float(part) * _HASHED_PX) for part in view) for view in VIEWS]
    return np.stack([difference_hash(small.crop(box)) for box in boxes])  # type: ignore[arg-type]


def _whole_hashes(small: Image.Image) -> Hashes:
    pixels = np.asarray(small)
    return np.stack([difference_hash(Image.fromarray(turned(pixels, symmetry))) for symmetry in range(len(SYMMETRIES))])
