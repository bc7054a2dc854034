"""Cut frames and masks to a view, squash them, and lay masks back."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from mcdrl.view.shape import Box, Image, View

_REDUCING_GAP = 3.0  # Pillow's own suggestion: shrinks large frames in two steps without visible loss
Number = TypeVar("Number", bound=np.generic)


def cut(frame: NDArray[Number], view: View) -> NDArray[Number]:
    """Return the part of a frame, or of a mask, that a view's box holds.

    Args:
        frame: [H, W] or [H, W, C], at the size that the view was found on.
        view: the view.

    Returns:
        [view.height_px, view.width_px] or with C behind; it shares the frame's memory.
    """
    left, top, right, bottom = view.box
    return frame[top:bottom, left:right]


def uncut(mask: NDArray[Number], view: View, size_px: tuple[int, int]) -> NDArray[Number]:
    """Return a mask of a view at the frame's own size, zero outside the view's box.

    Args:
        mask: [view.height_px, view.width_px] or with C behind, as `cut` returns it.
        view: the view.
        size_px: the frame's width and height.

    Raises:
        ValueError: the mask isn't of the box's size.
    """
    if mask.shape[:2] != (view.height_px, view.width_px):
        raise ValueError(
            f"a mask of {mask.shape[1]}x{mask.shape[0]} pixels is no mask of a view of "
            f"{view.width_px}x{view.height_px}; resize it to the view's box first"
        )
    width, height = size_px
    left, top, right, bottom = view.box
    result = np.zeros((height, width, *mask.shape[2:]), mask.dtype)
    result[top:bottom, left:right] = mask
    return result


def squash(rgb: Pictures.Image, size_px: int, box: Box | None = None) -> Image:
    """Return a frame, or a box of it, at working size, [S, S, 3] uint8, whatever its shape was."""
    square = (size_px, size_px)
    return np.asarray(rgb.resize(square, Pictures.Resampling.BICUBIC, box, reducing_gap=_REDUCING_GAP))
