"""From image files to a frame and a mask of equal size, whatever format, depth and orientation they are stored in."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageChops, UnidentifiedImageError

from stages.core.base.errors import InputError
from stages.ingest.remarks import RefusedError

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP")
_LOSSY = ("JPEG", "MPO")  # MPO: a JPEG with further pictures behind it
_NOISE = 8  # how far JPEG moves black and white
_ORIENTATION = 0x0112  # the EXIF tag
_REDUCING_GAP = 3.0  # Pillow's own suggestion: shrinks large frames in two steps without visible loss
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation -> what turns the stored picture upright


@dataclass(frozen=True)
class Pixels:
    """A frame and its mask.

    Attributes:
        image: [S, S, 3] uint8, RGB 0..255, squashed to the working size.
        mask: [S, S] uint8, 1 where the lesion is.
        native_mask: PNG of 1 bit, at the frame's own size.
        width_px: the frame's own width, upright.
        height_px: the frame's own height, upright.
        lesion_area_px: lesion pixels at the frame's own size.
        sha256: hex digest of the frame's size and upright RGB pixels.
        between_px: pixels of the stored mask that are neither nearly black nor nearly white.
    """

    image: np.ndarray[Any, np.dtype[np.uint8]]
    mask: np.ndarray[Any, np.dtype[np.uint8]]
    native_mask: bytes
    width_px: int
    height_px: int
    lesion_area_px: int
    sha256: str
    between_px: int


@dataclass(frozen=True)
class _Picture:
    """A decoded file: `shown` is upright by the file's own EXIF tag, `turn` is that tag (1: stored upright)."""

    shown: Image.Image
    turn: int
    lossy: bool


def read_pixels(frame: Path, mask: Path, size_px: int, threshold: int) -> Pixels:
    """Decode a frame and its mask.

    Frames: transparency is laid on black; 16 bit becomes 8 by the full range (unless no value exceeds 255); CMYK
    becomes RGB; the EXIF orientation is applied. Masks: the brightest channel counts; a lossless mask that holds
    nothing but 0 and 1 is taken as labels, every other one is lesion from `threshold` on.

    Args:
        frame: the frame's file.
        mask: the mask's file.
        size_px: side S of the working square.
        threshold: grey value 1..255 from which a mask pixel is lesion.

    Raises:
        RefusedError: a file can't be decoded, or the two don't fit.
        InputError: the system can't read a file.
    """
    picture = _read(frame, "frame")
    rgb = _rgb(picture.shown)
    stored = _read(mask, "mask")
    grey = _upright(_grey(stored.shown), stored.turn, rgb.size, picture.turn)
    if grey.size != rgb.size:
        raise RefusedError("mask of another size", f"frame {_size(rgb)}, mask {_size(grey)}")
    lesion, area_px, between_px = _binary(grey, stored.lossy, threshold)
    square = (size_px, size_px)
    return Pixels(
        image=squash(rgb, size_px),
        mask=np.asarray(lesion.resize(square, Image.Resampling.NEAREST)).astype(np.uint8),
        native_mask=_png(lesion),
        width_px=rgb.width,
        height_px=rgb.height,
        lesion_area_px=area_px,
        sha256=_digest(rgb),
        between_px=between_px,
    )


def read_frame(frame: Path) -> Image.Image:
    """Decode a frame that has no mask: upright RGB at its own size, as `read_pixels` sees it.

    Raises:
        RefusedError: the file can't be decoded.
        InputError: the system can't read the file.
    """
    return _rgb(_read(frame, "frame").shown)


def squash(rgb: Image.Image, size_px: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a frame at working size, [S, S, 3] uint8, whatever its shape was."""
    return np.asarray(rgb.resize((size_px, size_px), Image.Resampling.BICUBIC, reducing_gap=_REDUCING_GAP))


@contextmanager
def _refusing(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (RefusedError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise RefusedError(f"unreadable {what}", f"{path.name} is no JPEG, PNG, TIFF or BMP") from None
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them meet
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path} can't be read: {error.strerror}") from None
        raise RefusedError(f"unreadable {what}", f"{path.name}: {error}") from None


def _read(path: Path, what: str) -> _Picture:
    with _refusing(path, what), Image.open(path, formats=_FORMATS) as image:
        pictures = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        if pictures > 1:
            raise RefusedError(f"several pictures in one {what}", f"{path.name} holds {pictures}")
        turn = image.getexif().get(_ORIENTATION, 1)
        image.load()
        if image.getexif().get(_ORIENTATION, 1) == 1:  # nothing to do, or Pillow has turned a TIFF while loading it
            return _Picture(image, turn if turn in _TURNS else 1, image.format in _LOSSY)
        shown = image.transpose(_TURNS[turn]) if turn in _TURNS else image
        return _Picture(shown, turn if turn in _TURNS else 1, image.format in _LOSSY)


def _rgb(image: Image.Image) -> Image.Image:
    image = _eight_bit(image)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        black = Image.new("RGBA", colours.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, colours)
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise RefusedError("unknown depth", "floating-point pixels; save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 0xFFFF:
        raise RefusedError("unknown depth", f"values {low}..{high}; save it with 8 or 16 bits")
    return Image.fromarray((values if high <= 0xFF else (values + 128) // 257).astype(np.uint8))


def _grey(image: Image.Image) -> Image.Image:
    image = _eight_bit(image)
    if image.mode in ("1", "L") and not image.has_transparency_data:
        return image.convert("L")
    red, green, blue = _rgb(image).split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _upright(mask: Image.Image, mask_turn: int, size: tuple[int, int], frame_turn: int) -> Image.Image:
    """Turn a mask like its frame if it was drawn on the frame's stored pixels.

    A mask with an orientation tag of its own is upright already. Where the frame alone has a tag, the sizes say what
    the mask was drawn on; where they can't (half turns, mirrors, squares), a guess could put the lesion on the wrong
    side, so the frame is refused, unless the mask looks the same both ways.
    """
    if frame_turn == 1 or mask_turn != 1:
        return mask
    stored_size = size if frame_turn < 5 else size[::-1]
    if mask.size != stored_size:
        return mask
    turned = mask.transpose(_TURNS[frame_turn])
    if mask.size == size and turned.tobytes() != mask.tobytes():
        raise RefusedError(
            "mask that may be turned",
            f"the frame has EXIF orientation {frame_turn} and its mask fits both ways; store the frame upright",
        )
    return turned


def _binary(grey: Image.Image, lossy: bool, threshold: int) -> tuple[Image.Image, int, int]:
    """Return the lesion as a picture of 1 bit, its area, and how many pixels of `grey` are in between."""
    counts = grey.histogram()
    top = max(value for value, count in enumerate(counts) if count)
    labels = top == 1 and not lossy
    first = 1 if labels else threshold
    if top < first and top > (_NOISE if lossy else 0):
        raise RefusedError("mask below its threshold", f"its brightest value is {top}, mask_threshold is {threshold}")
    lesion = grey.point([0] * first + [255] * (256 - first), "1")
    return lesion, sum(counts[first:]), sum(counts[_NOISE + 1 : 255 - _NOISE])


def _digest(rgb: Image.Image) -> str:
    digest = hashlib.sha256(_size(rgb).encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def _size(image: Image.Image) -> str:
    return f"{image.width}x{image.height}"


def _png(lesion: Image.Image) -> bytes:
    stream = io.BytesIO()
    lesion.save(stream, "PNG")
    return stream.getvalue()
