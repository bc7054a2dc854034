"""From image files to a frame and a mask of equal size, whatever format, depth and orientation they are stored in."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from mcdrl.artifacts.frames import IGNORED, judged_of, lesion_of, pack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.borders import FINE, Borders, measure
from mcdrl.imaging.depth import to_rgb
from mcdrl.imaging.labels import Read, read_labels
from mcdrl.imaging.outlines import Outline, clipped, draw, overlapping_px
from mcdrl.imaging.strokes import Strokes, strokes
from mcdrl.study.meanings import BACKGROUND, IGNORE, LESION

Box = tuple[int, int, int, int]
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_LOSSY = ("JPEG", "MPO", "WEBP")  # MPO: a JPEG with further pictures behind it; WebP doesn't tell
_SEVERAL = ("TIFF", "WEBP")  # may hold several pictures of which none is the first
_BLUISH = 1.1  # blue over red; tissue reaches about 0.9 even in narrow-band light
_ORIENTATION = 0x0112  # the EXIF tag
_REDUCING_GAP = 3.0  # Pillow's own suggestion: shrinks large frames in two steps without visible loss
_LARGE_PX = 40_000_000  # a frame is decoded with 12 bytes a pixel at the peak
LARGE = "frame of more than 40 megapixels, which takes half a gigabyte and more while it is read; shrink it first"
DIM = "16-bit frame that uses less than half of the range, it looks dark"
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
        image: [S, S, 3] uint8, RGB 0..255, cropped and squashed to the working size.
        mask: [S, S] uint8, the lesion's value where it is, 255 where nobody judged, likewise cropped.
        native_mask: the whole mask at the frame's own size, as `unpack_native_mask` reads it.
        width_px: the frame's own width, upright.
        height_px: the frame's own height, upright.
        areas_px: value 1..254 in the mask -> pixels at the frame's own size.
        sha256: hex digest of the frame's size and upright RGB pixels.
        between_px: pixels of the stored mask that are neither nearly black nor nearly white.
        drawn: the value or colour that was taken for lesion in a mask that nobody explained; None: there is none.
        line_px: lesion pixels of the mask that are drawn in thin lines.
        crop_px: left, top, right, bottom of what `image` and `mask` show, in the frame's own pixels.
        cut_px: lesion pixels outside of that.
        clipped: outlines that reach out of the frame.
        overlap_px: pixels inside outlines of two classes, which count for the smaller outline.
        bluish: whether there is clearly more blue than red in the frame.
        dim: whether the frame has 16 bits and uses less than half of their range, as 12-bit data do.
        borders: what the frame shows beside the endoscope's view.
    """

    image: np.ndarray[Any, np.dtype[np.uint8]]
    mask: np.ndarray[Any, np.dtype[np.uint8]]
    native_mask: bytes
    width_px: int
    height_px: int
    areas_px: Mapping[int, int]
    sha256: str
    between_px: int
    drawn: str | None
    line_px: int
    crop_px: Box
    cut_px: int
    clipped: int
    overlap_px: int
    bluish: bool
    dim: bool
    borders: Borders

    @property
    def lesion_area_px(self) -> int:
        """Lesion pixels of all classes at the frame's own size."""
        return sum(self.areas_px.values())


@dataclass(frozen=True)
class Recipe:
    """What is done with every frame of a site.

    Attributes:
        size_px: side S of the working square.
        threshold: grey value 1..255 from which a pixel of a plain mask is lesion.
        swap: whether red and blue change places.
        crop: whether the black border around the view is cut off.
        values: lesion class -> its value 1..254 in the masks.
        meanings: what the values of stored masks mean, as `Reading.mask_values` says; None: plain masks alone are read.
    """

    size_px: int
    threshold: int
    swap: bool
    crop: bool
    values: Mapping[str | None, int]
    meanings: Mapping[str, str] | None = None

    def table(self, lesion_class: str | None) -> dict[str, int] | None:
        """Return stored value -> value in the mask, where a lesion without a class of its own has the given one."""
        if self.meanings is None:
            return None
        known = {**self.values, BACKGROUND: 0, IGNORE: IGNORED, LESION: self.values.get(lesion_class, 1)}
        return {stored: known[meaning] for stored, meaning in self.meanings.items()}


@dataclass(frozen=True)
class _Truth:
    """A mask at the frame's own size: "L", 0, the lesion's value or 255; and what is odd about it."""

    labels: Image.Image
    between_px: int = 0
    drawn: str | None = None
    line_px: int = 0
    clipped: int = 0
    overlap_px: int = 0


@dataclass(frozen=True)
class _Picture:
    """A decoded file: `shown` is upright by the file's own EXIF tag, `turn` is that tag (1: stored upright).

    `deep`: the file has 16 bits a channel; Pillow keeps the upper 8 of colours.
    """

    shown: Image.Image
    turn: int
    lossy: bool
    deep: bool


def read_pixels(
    frame: Path,
    drawn: Path | Sequence[Outline],
    lesion_class: str | None,
    recipe: Recipe,
    further: Sequence[Path] = (),
) -> Pixels:
    """Decode a frame and its mask.

    Frames: transparency is laid on black; 16 bit becomes 8 by the full range (unless no value exceeds 255); CMYK
    becomes RGB; the EXIF orientation is applied. Masks: by what the recipe says of their values, or if they are plain;
    see `mcdrl.imaging.labels`. One that outlines lesions instead of filling them is refused.

    Args:
        frame: the frame's file.
        drawn: the mask's file, or the outlines of the frame's lesions.
        lesion_class: class of lesions whose outline names none, and of a mask; None or unknown: they get the value 1.
        recipe: what is done with it.
        further: more masks of the frame, read like the first; a pixel of any of them is lesion.

    Raises:
        RefusedError: a file can't be decoded, or the two don't fit.
        InputError: the system can't read a file.
    """
    picture = _read(frame, "frame")
    rgb = to_rgb(picture.shown)
    value = recipe.values.get(lesion_class, 1)
    if isinstance(drawn, Path):
        truth = _union([_mask(one, rgb.size, picture.turn, recipe, lesion_class) for one in (drawn, *further)])
    else:
        truth = _outlined(drawn, rgb.size, picture.turn, {**recipe.values, None: value})
    return _pixels(_swapped(rgb) if recipe.swap else rgb, truth, recipe, _digest(rgb), _dim(picture, rgb))


def read_frame(frame: Path, *, swap: bool = False) -> tuple[Image.Image, bool]:
    """Decode a frame that has no mask: upright RGB at its own size, and `Pixels.dim`, as `read_pixels` sees them.

    Args:
        frame: the frame's file.
        swap: whether red and blue change places.

    Raises:
        RefusedError: the file can't be decoded.
        InputError: the system can't read the file.
    """
    picture = _read(frame, "frame")
    rgb = to_rgb(picture.shown)
    return _swapped(rgb) if swap else rgb, _dim(picture, rgb)


def bluish(image: np.ndarray[Any, np.dtype[np.uint8]]) -> bool:
    """Return whether there is clearly more blue than red in a frame [S, S, 3] uint8, RGB."""
    return bool(image[..., 2].mean() > _BLUISH * image[..., 0].mean())


def large(size: tuple[int, int]) -> bool:
    """Return whether a frame of this width and height, px, takes so much memory that its owner should know."""
    return size[0] * size[1] > _LARGE_PX


def view_box(rgb: Image.Image) -> Box:
    """Return left, top, right, bottom of the endoscope's view in the frame's own pixels, rounded outwards."""
    left, top, right, bottom = measure(np.asarray(_small(rgb)), FINE).box
    width, height = rgb.size
    return math.floor(left * width), math.floor(top * height), math.ceil(right * width), math.ceil(bottom * height)


def squash(rgb: Image.Image, size_px: int, box: Box | None = None) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a frame, or a box of it, at working size, [S, S, 3] uint8, whatever its shape was."""
    square = (size_px, size_px)
    return np.asarray(rgb.resize(square, Image.Resampling.BICUBIC, box, reducing_gap=_REDUCING_GAP))


def _mask(path: Path, size: tuple[int, int], frame_turn: int, recipe: Recipe, lesion_class: str | None) -> _Truth:
    stored = _read(path, "mask")
    shown = _upright(stored.shown, stored.turn, size, frame_turn)
    if shown.size != size:
        raise RefusedError("mask of another size", f"frame {_size(size)}, mask {_size(shown.size)}")
    read = read_labels(
        shown,
        lossy=stored.lossy,
        table=recipe.table(lesion_class),
        threshold=recipe.threshold,
        value=recipe.values.get(lesion_class, 1),
    )
    return _Truth(Image.fromarray(read.labels), read.between_px, read.drawn, _lines(read).line_px)


def _lines(read: Read) -> Strokes:
    if (read.labels == IGNORED).all():
        raise RefusedError("mask that judges no pixel", "all of its values are to be ignored")
    found = strokes(lesion_of(read.labels))
    if found.outline_px:
        raise RefusedError(
            "outline instead of a lesion",
            f"a thin closed curve of {found.outline_px} px with nothing in it; fill it, or give it as a polygon",
        )
    return found


def _union(masks: Sequence[_Truth]) -> _Truth:
    """Lay the masks of one frame over one another: lesion counts first, then what nobody judged, then background."""
    if len(masks) == 1:
        return masks[0]
    said = sorted({mask.drawn for mask in masks if mask.drawn is not None})
    if len(said) > 1:
        detail = f"{' and '.join(said)} mean lesion in one frame; say what values mean by mask_values"
        raise RefusedError("masks that disagree", detail)
    layers = np.stack([np.asarray(mask.labels) for mask in masks])
    lesion = np.where(lesion_of(layers), layers, 0).max(0)
    labels = np.where(lesion > 0, lesion, np.where(judged_of(layers).all(0), 0, IGNORED)).astype(np.uint8)
    between_px, line_px = sum(mask.between_px for mask in masks), sum(mask.line_px for mask in masks)
    return _Truth(Image.fromarray(labels), between_px, next(iter(said), None), line_px)


def _outlined(
    outlines: Sequence[Outline], size: tuple[int, int], frame_turn: int, values: Mapping[str | None, int]
) -> _Truth:
    if outlines and frame_turn != 1:
        raise RefusedError(
            "outline that may be turned", f"the frame has EXIF orientation {frame_turn}; store the frame upright"
        )
    labels = Image.fromarray(draw(outlines, size, values))
    return _Truth(labels, clipped=len(clipped(outlines, size)), overlap_px=overlapping_px(outlines, size))


def _pixels(rgb: Image.Image, truth: _Truth, recipe: Recipe, sha256: str, dim: bool) -> Pixels:
    box = view_box(rgb) if recipe.crop else (0, 0, *rgb.size)
    image = squash(rgb, recipe.size_px, box)
    areas_px = _areas(truth.labels)
    return Pixels(
        image=image,
        mask=np.asarray(truth.labels.resize((recipe.size_px, recipe.size_px), Image.Resampling.NEAREST, box)),
        native_mask=pack_native_mask(truth.labels),
        width_px=rgb.width,
        height_px=rgb.height,
        areas_px=areas_px,
        sha256=sha256,
        between_px=truth.between_px,
        drawn=truth.drawn,
        line_px=truth.line_px,
        crop_px=box,
        cut_px=sum(areas_px.values()) - sum(_areas(truth.labels.crop(box)).values()) if recipe.crop else 0,
        clipped=truth.clipped,
        overlap_px=truth.overlap_px,
        bluish=bluish(image),
        dim=dim,
        borders=measure(image if not recipe.crop else np.asarray(_small(rgb))),
    )


def _small(rgb: Image.Image) -> Image.Image:
    return rgb.resize((FINE, FINE), Image.Resampling.BOX, reducing_gap=1.0)


def _areas(labels: Image.Image) -> dict[int, int]:
    return {value: count for value, count in enumerate(labels.histogram()[:IGNORED]) if value and count}


def _dim(picture: _Picture, rgb: Image.Image) -> bool:
    """Return whether a frame of 16 bits stays in the lower half of their range; values up to 255 are 8-bit data."""
    if not picture.deep or (picture.shown.mode.startswith("I") and np.asarray(picture.shown).max() <= 0xFF):
        return False
    return bool(np.asarray(rgb).max() < 0x80)


def _swapped(rgb: Image.Image) -> Image.Image:
    red, green, blue = rgb.split()
    return Image.merge("RGB", (blue, green, red))


@contextmanager
def _refusing(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (RefusedError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise RefusedError(f"unreadable {what}", f"{path.name} is no JPEG, PNG, TIFF, BMP or WebP") from None
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise RefusedError(
            f"unreadable {what}", f"{path.name} has more than {most:,} pixels; shrink it first"
        ) from None
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them meet
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path} can't be read: {error.strerror}") from None
        raise RefusedError(f"unreadable {what}", f"{path.name}: {error}") from None


def _read(path: Path, what: str) -> _Picture:
    with _refusing(path, what), Image.open(path, formats=_FORMATS) as image:
        deep = any(";16" in str(tile) for tile in image.tile)  # how the pixels are unpacked; gone once they are
        pictures = getattr(image, "n_frames", 1) if image.format in _SEVERAL else 1
        if pictures > 1:
            raise RefusedError(f"several pictures in one {what}", f"{path.name} holds {pictures}")
        turn = image.getexif().get(_ORIENTATION, 1)
        image.load()
        if image.getexif().get(_ORIENTATION, 1) == 1:  # nothing to do, or Pillow has turned a TIFF while loading it
            return _Picture(image, turn if turn in _TURNS else 1, image.format in _LOSSY, deep)
        shown = image.transpose(_TURNS[turn]) if turn in _TURNS else image
        return _Picture(shown, turn if turn in _TURNS else 1, image.format in _LOSSY, deep)


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


def _digest(rgb: Image.Image) -> str:
    digest = hashlib.sha256(_size(rgb.size).encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
