"""A ground that fades across the whole screen, around the view: no even area, but its colour changes evenly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mcdrl.view.plane import fitted
from mcdrl.view.shape import Flags, Image

Floats = NDArray[np.float32]
_RING = 2  # working pixels at the frame's own edge, which the ground must be seen at
_FEWEST = 64  # pixels of the ring that tell how a ground fades
_OTHER = 0.7  # of them may show something else
_NEAR = 4.0  # of 255: how far from the evenly changing colour the ground's pixels are at most
_CLOSE = 2.0  # and at the median
_FADES = 9.0  # of 255: a colour that changes by less across the frame is an even area
_DARK = 48.0  # of 255: what is darker may be tissue in shadow, which fades as evenly
_JUMP = 14.0  # of 255: by how much the colour changes at the ground's end, within three pixels
_SHARP = 0.5  # share of the ground's outline that must be sharp
_ROUNDS = 6  # of fitting


def faded(image: Image, drawn: Flags) -> Flags:
    """Return which pixels belong to a ground that fades; none where there is no such ground.

    Args:
        image: [h, w, 3] uint8, RGB, smoothed, a few hundred pixels a side at most.
        drawn: [h, w] bool, the even areas, which say nothing of how a ground fades.
    """
    nothing = np.zeros(drawn.shape, bool)
    ring = ~drawn
    ring[_RING:-_RING, _RING:-_RING] = False
    if ring.sum() < _FEWEST:
        return nothing
    design = _design(image.shape[0], image.shape[1])
    plane = _plane(design[ring], image[ring].astype(np.float32))
    if plane is None:
        return nothing
    off = np.abs(image - design @ plane).max(axis=2)
    ground = _touching(off <= _NEAR, ring)
    return ground if _ends_sharply(ground, off) else nothing


def _design(height: int, width: int) -> Floats:
    """Return 1, x and y of each place, [h, w, 3]; x and y from -0.5 to 0.5."""
    y, x = np.meshgrid(np.linspace(-0.5, 0.5, height), np.linspace(-0.5, 0.5, width), indexing="ij")
    return np.stack([np.ones_like(x), x, y], axis=2).astype(np.float32)


def _plane(design: Floats, colours: Floats) -> Floats | None:
    """Return how the ground's colour changes, [3, 3], as most of the ring's pixels [n, 3] have it; None if it doesn't.

    The largest share of the ring that is on one plane counts, whatever the rest shows.
    """
    plane, off = fitted(design, colours, _ROUNDS)
    kept = off <= _NEAR
    if kept.mean() < 1 - _OTHER or np.median(off[kept]) > _CLOSE:
        return None
    fades, level = float(np.abs(plane[1:]).max()), float(plane[0].max())
    return plane.astype(np.float32) if fades >= _FADES and level >= _DARK else None


def _touching(flags: Flags, ring: Flags) -> Flags:
    """Return the connected parts of flags that reach the ring."""
    patches, _ = ndimage.label(flags)
    reaching = np.unique(patches[ring & flags])
    result: Flags = np.isin(patches, reaching[reaching > 0])
    return result


def _ends_sharply(ground: Flags, off: Floats) -> bool:
    near = ndimage.binary_dilation(ground, iterations=2)
    beyond = ndimage.binary_dilation(near) & ~near
    return bool(ground.any() and beyond.any() and (off[beyond] >= _JUMP).mean() >= _SHARP)
