"""A mask as its file has it: the values of its pixels, and how each of them may be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.depth import eight_bit, to_rgb

Labels = np.ndarray[Any, np.dtype[np.uint8]]
Array = np.ndarray[Any, np.dtype[Any]]
BLACK = "0,0,0"
NOISE = 8  # how far JPEG moves black and white where they are flat
APART = 4 * NOISE  # how far values must be apart to be told in a JPEG
MOST_LABELS = 32  # values that are looked at, at most
_PACKED = (1 << 16, 1 << 8, 1)  # what makes one number of a colour
_SHOWN = 6  # colours that a refusal lists


@dataclass(frozen=True)
class StoredMask:
    """A mask as it is stored.

    Attributes:
        codes: [H, W] ints: grey values, indices of a palette, or colours as 0xRRGGBB.
        grey: [H, W] uint8, the brightest channel, transparency laid on black; of more bits by their full range.
        palette: the colour of each index; None: the codes are no indices.
        coloured: whether the codes are colours.
        chroma: how far a pixel's channels are apart at most.
        lossy: whether the file is a JPEG.
        deep: whether it holds values above 255.
        white: the upper end of that range.
        one_bit: whether a pixel of the file is one bit; the codes are 0 and 255, as such masks are shown.
    """

    codes: Array
    grey: Labels
    lossy: bool
    palette: Labels | None = None
    coloured: bool = False
    chroma: int = 0
    deep: bool = False
    white: int = 0xFFFF
    one_bit: bool = False

    @property
    def merged(self) -> bool:
        """Whether different codes look alike: ids of 16 bits as grey of 8, entries of a palette with one colour."""
        if self.palette is None and not self.deep:
            return False
        codes = np.unique(self.codes)
        looks = np.unique(self.grey) if self.palette is None else np.unique(self.palette[codes], axis=0)
        return len(looks) < len(codes)

    def names(self, code: int) -> tuple[str, ...]:
        """Return what a table may call a code: its id (white of one bit has two), at last its colour."""
        if self.palette is not None:
            return str(int(code)), ",".join(str(part) for part in self.palette[int(code)])
        red, green, blue = unpacked(code) if self.coloured else (code, code, code)
        colour = f"{red},{green},{blue}"
        if not red == green == blue:
            return (colour,)
        return (str(red), "1", colour) if self.one_bit and red else (str(red), colour)

    def shown(self, code: int) -> str:
        """Return how a person would call a code."""
        names = self.names(code)
        return f"{names[0]} ({names[1]})" if self.palette is not None else names[0]


def stored_in(mask: Image.Image, lossy: bool, white: int = 0xFFFF) -> StoredMask:
    """Return a mask as its file has it.

    Args:
        mask: upright, as it was decoded.
        lossy: whether its file is a JPEG.
        white: the greatest value that grey of more than 8 bits may have.

    Raises:
        RefusedError: its values have a depth that isn't known, or its transparency hides some.
    """
    if mask.mode in ("1", "L") and not mask.has_transparency_data:
        grey = np.asarray(mask.convert("L"))
        return StoredMask(grey, grey, lossy, one_bit=mask.mode == "1")
    if mask.mode.startswith("I"):
        codes = np.asarray(mask)
        return StoredMask(codes, np.asarray(eight_bit(mask, white)), lossy, deep=bool(codes.max() > 0xFF), white=white)
    if mask.mode != "P" and mask.has_transparency_data:
        _check_colours(mask)
    rgb = np.asarray(to_rgb(mask))
    grey, packed = rgb.max(axis=2), rgb.astype(np.int32) @ _PACKED
    chroma = int((grey - rgb.min(axis=2)).max())
    if mask.mode != "P":
        return StoredMask(packed, grey, lossy, coloured=True, chroma=chroma)
    indices = np.asarray(mask).astype(np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[indices] = rgb
    return StoredMask(indices, grey, lossy, palette, chroma=chroma)


def unpacked(code: Any) -> tuple[Any, Any, Any]:
    """Return red, green and blue of 0xRRGGBB, a number or an array of them."""
    return code >> 16, code >> 8 & 0xFF, code & 0xFF


def _check_colours(mask: Image.Image) -> None:
    """Refuse a mask with transparency that is drawn in it, or loses by it what its colours tell apart."""
    pixels = np.asarray(mask.convert("RGBA"))
    constant = (pixels == pixels[0, 0]).all(axis=(0, 1))
    if constant[:3].all() and not constant[3]:
        raise RefusedError("mask drawn in its transparency", "its colour is one throughout; save it as grey values")
    if constant[3] and pixels[0, 0, 3] == 0xFF:
        return
    stored, laid = (rgb.astype(np.int64) @ _PACKED for rgb in (pixels[..., :3], np.asarray(to_rgb(mask))))
    pairs = np.unique(stored << 24 | laid)
    looks, counts = np.unique(pairs & 0xFFFFFF, return_counts=True)
    if (counts > 1).any():
        alike = pairs[(pairs & 0xFFFFFF) == looks[counts.argmax()]] >> 24
        hidden = " and ".join(",".join(map(str, unpacked(colour))) for colour in alike[:_SHOWN].tolist())
        told = f"{hidden} look alike on black; save it without transparency"
        raise RefusedError("mask with colours hidden by its transparency", told)


def colour_of(name: str) -> Array:
    """Return red, green and blue of a value or colour as a table has it."""
    parts = [int(part) for part in name.split(",")]
    return np.array(parts * 3 if len(parts) == 1 else parts, np.int16)
