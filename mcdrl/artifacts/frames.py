"""artifacts/ingest/<site>/frames.h5: every accepted frame and its mask, at working size and the mask at its own."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mcdrl.artifacts.store_contract import BYTES, Field
from mcdrl.artifacts.stores import Store

if TYPE_CHECKING:
    from PIL import Image

FRAMES = Store(
    "frames/4",
    {
        "image": Field("uint8", "YXC"),  # RGB 0..255, the crop of the frame squashed to the working size
        "mask": Field(
            "uint8", "YX", compress=True
        ),  # 0 background, k + 1 lesion of class k, 255 ignored; likewise, nearest neighbour
        "native_mask": Field(BYTES, None),  # the same of the whole frame at its own size: see unpack_native_mask
    },
    attributes=("site",),
)
IGNORED = 255  # the value of pixels that nobody judged: they count in no loss and in no score
_PNG_LEVEL = 1  # flat masks shrink to about a kilobyte at any level; this one costs the least time
Labels = np.ndarray[Any, np.dtype[np.uint8]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Values = np.ndarray[Any, np.dtype[Any]]


def lesion_of(labels: Values) -> Bools:
    """Return where a mask of any shape, 0 background, k + 1 lesion of class k, `IGNORED`, has a lesion of any class."""
    found: Bools = (labels > 0) & (labels != IGNORED)
    return found


def judged_of(labels: Values) -> Bools:
    """Return where a mask of any shape says lesion or background, which is where it isn't `IGNORED`."""
    found: Bools = labels != IGNORED
    return found


def pack_native_mask(labels: Image.Image) -> bytes:
    """Return a mask as a small PNG: a palette of the grey values that occur, so most take one bit a pixel.

    Args:
        labels: picture of mode "L", 0 background, k + 1 lesion of class k, 255 ignored.
    """
    values = [0] + [value for value, count in enumerate(labels.histogram()) if value and count]
    index_of = {value: index for index, value in enumerate(values)}
    same = values == list(range(len(values)))
    picture = labels.copy() if same else labels.point([index_of.get(value, 0) for value in range(256)])
    picture.putpalette([value for value in values for _ in range(3)])
    stream = io.BytesIO()
    bits = next(bits for bits in (1, 2, 4, 8) if len(values) <= 2**bits)
    picture.save(stream, "PNG", bits=bits, compress_type=zlib.Z_DEFAULT_STRATEGY, compress_level=_PNG_LEVEL)
    return stream.getvalue()


def unpack_native_mask(png: bytes) -> Labels:
    """Return a frame's mask at its own size, [H, W] uint8, 0 background, k + 1 lesion of class k, 255 ignored.

    Args:
        png: an entry of `native_mask`.
    """
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def to_native(values: Values, crop_px: tuple[int, int, int, int], width_px: int, height_px: int) -> Values:
    """Undo a frame's geometry: bring a mask, or probabilities, of working size back to the frame's own size.

    What the crop left out becomes 0, background.

    Args:
        values: [S, S]; uint8 labels, enlarged to the nearest, or float32 probabilities, bilinear.
        crop_px: left, top, right, bottom of what the working square shows, in the frame's own pixels.
        width_px: the frame's own width W.
        height_px: the frame's own height H.

    Returns:
        [H, W] of the same dtype.
    """
    from PIL import Image

    left, top, right, bottom = crop_px
    full = np.zeros((height_px, width_px), values.dtype)
    way = Image.Resampling.NEAREST if values.dtype == np.uint8 else Image.Resampling.BILINEAR
    square = Image.fromarray(values).resize((right - left, bottom - top), way)
    full[top:bottom, left:right] = np.asarray(square)
    return full


def thresholded(enlarged: Values, crop_px: tuple[int, int, int, int], threshold: float) -> Bools:
    """Return which pixels are called lesion, [H, W] bool; none that the crop left out, whatever the threshold is.

    Args:
        enlarged: [H, W] float32, the probability of lesion, as `to_native` returns it.
        crop_px: left, top, right, bottom of what the model was shown.
        threshold: probability from which a pixel is lesion.
    """
    left, top, right, bottom = crop_px
    lesion = np.zeros(enlarged.shape, bool)
    lesion[top:bottom, left:right] = enlarged[top:bottom, left:right] >= threshold
    return lesion
