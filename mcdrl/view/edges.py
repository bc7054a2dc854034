"""Where the view's sides are, to the pixel of the frame's own size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcdrl.view.shape import Box, Flags, Image

_NEAR = 3  # working pixels from the box's side, within which an outermost pixel belongs to that side
_OUT = 3  # working pixels beyond the found side that are looked at
_IN = 3  # working pixels inside it
_HALO_PX = 8  # of the file's own pixels, which compression smears over
_FLOOR = 2  # pixels at the strip's outer end, whose changes are noise
_CLIP = 48.0  # of 255, so that no single bright row decides
_LEVEL = 0.25  # of the step's height, where the side is set: a little outwards
_STEP = 8.0  # of 255 by which a row's colour must change at a side to speak for it

Floats = NDArray[np.float32]


def sides(frame: Image, main: Flags) -> tuple[Box, float]:
    """Return the box of a view that was found on a reduced frame, and how sure it is, 0..1.

    Args:
        frame: [H, W, 3] uint8.
        main: [h, w] bool, where the reduced frame shows the view; at least one is set.
    """
    turned = [(frame, main), (frame.transpose(1, 0, 2), main.T)]
    turned += [(image[:, ::-1], flags[:, ::-1]) for image, flags in turned]
    (left, near), (top, over), (right, far), (bottom, under) = (_side(image, flags) for image, flags in turned)
    height, width = frame.shape[:2]
    return (left, top, width - right, height - bottom), float(np.mean([near, over, far, under]))


def _side(frame: Image, main: Flags) -> tuple[int, float]:
    """Return the column where the view begins from the left, and which share of its rows speaks for it."""
    scale_y, scale_x = frame.shape[0] / main.shape[0], frame.shape[1] / main.shape[1]
    first = int(np.flatnonzero(main.any(axis=0))[0])
    if first == 0:
        return 0, 1.0
    begins = np.where(main.any(axis=1), main.argmax(axis=1), main.shape[1])
    rows = ((np.flatnonzero(begins <= first + _NEAR) + 0.5) * scale_y).astype(int)
    start = max(0, int((first - _OUT) * scale_x))
    stop = int((first + _IN) * scale_x) + _HALO_PX
    strip = frame[rows, start:stop].astype(np.float32)
    steps = np.minimum(np.abs(strip - strip[:, :2].mean(axis=1, keepdims=True)).max(axis=2), _CLIP)
    profile = steps.mean(axis=0)
    floor = float(profile[:_FLOOR].max())
    place = int(np.argmax(profile >= floor + _LEVEL * (float(profile.max()) - floor)))
    return start + place, float((steps[:, place:].max(axis=1) >= _STEP).mean())
