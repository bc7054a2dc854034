"""A frame's perceptual hashes and its thumbnail, by which copies of it are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import imagehash
import numpy as np
from PIL import Image

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Grey = np.ndarray[Any, np.dtype[np.uint8]]
THUMB_PX = 64
_HASHED_PX = 96
_HASH_SIDE = 16  # 16 x 16 differences of neighbouring cells: 256 bits
_CUT = 0.05  # of a side: the crop that copies are looked for with
_NEAR, _MIDDLE, _FAR = _CUT, _CUT / 2, 1 - _CUT
VIEWS = np.array(
    [
        (0, 0, 1, 1),
        (_NEAR, _NEAR, _FAR, _FAR),
        (_MIDDLE, _MIDDLE, 1 - _MIDDLE, 1 - _MIDDLE),
        (_NEAR, 0, 1, 1),
        (0, _NEAR, 1, 1),
        (0, 0, _FAR, 1),
        (0, 0, 1, _FAR),
        (_NEAR, _NEAR, 1, 1),
        (0, 0, _FAR, _FAR),
    ],
    dtype=np.float32,
)  # left, top, right, bottom in parts of the frame: the whole frame, then what a crop of it could show


@dataclass(frozen=True)
class Prints:
    """What frames are compared by.

    Attributes:
        hashes: [N, V, 4] uint64, the 256-bit difference hash of each of the `VIEWS`; the first is the whole frame's.
        thumbs: [N, 64, 64] uint8, grey 0..255.
    """

    hashes: Hashes
    thumbs: Grey


def take_prints(images: Grey) -> Prints:
    """Return the prints of frames.

    A difference hash says for each of 16 x 16 cells whether its right neighbour is brighter, which neither scaling nor
    JPEG changes much. A crop does, hence the views.

    Args:
        images: [N, S, S, 3] uint8, RGB 0..255.
    """
    greys = [Image.fromarray(image).convert("L") for image in images]
    thumbs = [np.asarray(grey.resize((THUMB_PX, THUMB_PX), Image.Resampling.BOX)) for grey in greys]
    return Prints(np.stack([_hashes(grey) for grey in greys]), np.stack(thumbs))


def join(parts: list[Prints]) -> Prints:
    """Return the prints of several batches as one."""
    return Prints(np.concatenate([part.hashes for part in parts]), np.concatenate([part.thumbs for part in parts]))


def _hashes(grey: Image.Image) -> Hashes:
    small = grey.resize((_HASHED_PX, _HASHED_PX), Image.Resampling.BILINEAR)
    boxes = [tuple(round(float(part) * _HASHED_PX) for part in view) for view in VIEWS]
    bits = [imagehash.dhash(small.crop(box), hash_size=_HASH_SIDE).hash for box in boxes]  # type: ignore[arg-type]
    return np.stack([np.packbits(one).view(np.uint64) for one in bits])
