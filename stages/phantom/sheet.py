"""Contact sheets: frames side by side with the lesions outlined, for people to look at."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mcdrl.renderer import Frame

_OUTLINE_RGB = (40, 255, 90)


def outlined(frame: Frame) -> NDArray[np.uint8]:
    """The frame's image [H, W, 3] with the border of its mask drawn in green."""
    image = frame.image.copy()
    image[frame.mask & ~ndimage.binary_erosion(frame.mask)] = _OUTLINE_RGB
    return image


def contact_sheet(frames: Sequence[Frame], columns: int) -> NDArray[np.uint8]:
    """Frames of one size in rows of `columns`, as uint8 [rows * H, columns * W, 3]; rest black."""
    tiles = [outlined(frame) for frame in frames]
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)
