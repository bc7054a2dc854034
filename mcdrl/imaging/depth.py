"""From whatever Pillow decodes to 8 bits a channel and to RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mcdrl.base.issues import RefusedError

DEPTH = "unknown depth"
"""The kind of a refusal of what can't be brought to 8 bits."""


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a picture as RGB of 8 bits, transparency laid on black.

    Raises:
        RefusedError: as `eight_bit`.
    """
    image = eight_bit(image)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        black = Image.new("RGBA", colours.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, colours)
    return image if image.mode == "RGB" else image.convert("RGB")


def eight_bit(image: Image.Image, white: int = 0xFFFF) -> Image.Image:
    """Return a picture with 8 bits a channel: 16 bits by their full range, unless no value exceeds 255.

    Args:
        image: of any mode.
        white: the upper end of the range of grey, where it has more than 8 bits.

    Raises:
        RefusedError: its values are floating-point numbers, or need more than 16 bits.
    """
    if image.mode == "F":
        raise RefusedError(DEPTH, "floating-point pixels; save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 0xFFFF:
        raise RefusedError(DEPTH, f"values {low}..{high}; save it with 8 or 16 bits")
    return Image.fromarray((values if high <= 0xFF else (255 * values + white // 2) // white).astype(np.uint8))
