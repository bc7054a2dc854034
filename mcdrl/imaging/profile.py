"""What a frame looks like, in numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

Image = np.ndarray[Any, np.dtype[np.uint8]]
BLACK = 24  # below this in every channel a pixel is border or shadow and counts for nothing
GLARE_LUMA, GLARE_SATURATION = 230, 0.2  # from the one, up to the other
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_LUMA = np.array(LUMA, np.float32)
_NAMES = (
    "brightness", "contrast", "sharpness", "glare_share", "saturation", "hue_deg", "red_share", "blue_share",
)  # fmt: skip


def measure(image: Image) -> dict[str, float | None]:
    """Return the columns of profile.parquet that follow from a frame's pixels; None where it is black all over.

    Args:
        image: [S, S, 3] uint8, RGB 0..255, at working size, so that sharpness compares between cameras.
    """
    lit = image.max(axis=2) >= BLACK
    if not lit.any():
        return dict.fromkeys(_NAMES)
    pixels = image[lit].astype(np.float32)
    luma, highest = pixels @ _LUMA, pixels.max(axis=1)
    saturation = (highest - pixels.min(axis=1)) / highest
    red, green, blue = (float(value) for value in pixels.mean(axis=0))
    return {
        "brightness": float(luma.mean()) / 255,
        "contrast": float(luma.std()) / 255,
        "sharpness": _sharpness(image, lit),
        "glare_share": float(((luma >= GLARE_LUMA) & (saturation <= GLARE_SATURATION)).mean()),
        "saturation": float(saturation.mean()),
        "hue_deg": _hue(pixels),
        "red_share": red / (red + green + blue),
        "blue_share": blue / (red + green + blue),
    }


def _sharpness(image: Image, lit: np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
    """Return the variance of the Laplacian where no neighbour is black; None where there is no such place."""
    inner = ndimage.binary_erosion(lit, border_value=1)
    if not inner.any():
        return None
    return float(ndimage.laplace(image.astype(np.float32) @ _LUMA, mode="nearest")[inner].var())


def _hue(pixels: np.ndarray[Any, np.dtype[np.float32]]) -> float | None:
    """Return the mean hue, each pixel weighing by its colourfulness; None where nothing has a colour.

    Channels are three vectors 120 degrees apart: the hue is the angle of their weighted sum.
    """
    red, green, blue = pixels.mean(axis=0, dtype=np.float64)
    along, across = red - (green + blue) / 2, (green - blue) * np.sqrt(3) / 2
    return float(np.degrees(np.arctan2(across, along))) if np.hypot(along, across) > 1e-6 else None
