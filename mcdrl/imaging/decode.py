"""From image files to a frame and a mask of equal size, whatever format, depth and orientation they are stored in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.artifacts.frames import IGNORED, pack_native_mask
from mcdrl.base.view_rule import ViewRule
from mcdrl.imaging.borders import Borders, measure
from mcdrl.imaging.depth import to_rgb
from mcdrl.imaging.outlines import Drawn
from mcdrl.imaging.picture import StoredPicture, read_picture, size_text
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.imaging.truth import Truth, check_judged, outlined, read_mask, union
from mcdrl.study.meanings import IGNORE
from mcdrl.view import Box, looked_at, squash

_BLUISH = 1.1  # blue over red; tissue reaches about 0.9 even in narrow-band light
_BORDERS_PX = 224  # side of the square that borders are measured on
_LARGE_PX = 40_000_000  # a frame is decoded with 12 bytes a pixel at the peak
LARGE = "frame of more than 40 megapixels, which takes half a gigabyte and more while it is read; shrink it first"
ANOTHER = (
    "a second picture of about the view's size, which isn't looked at or is squashed into one with it; "
    "a box as view says where to look"
)
LITTLE = "a view of less than a tenth of the frame was found; a box as view says where to look"
_LITTLE = 0.1  # of the frame's area; the views of real and of drawn screens take a quarter and more
DIM = "16-bit frame that uses less than half of the range, it looks dark"


@dataclass(frozen=True)
class DecodedFrame:
    """A frame and its mask.

    Attributes:
        image: [S, S, 3] uint8, RGB 0..255, cropped and squashed to the working size.
        mask: [S, S] uint8, the lesion's value where it is, 255 where nobody judged, likewise cropped.
        native_mask: the whole mask at the frame's own size, as `unpack_native_mask` reads it.
        width_px: the frame's own width, upright.
        height_px: the frame's own height, upright.
        areas_px: value 1..254 in the mask -> pixels at the frame's own size.
        sha256: hex digest of the frame's size and upright RGB pixels.
        between_px: pixels of the stored mask that are neither nearly black nor nearly white; of two values none.
        drawn: the value or colour that was taken for lesion in a mask that nobody explained; None: there is none.
        line_px: lesion pixels of the mask that are drawn in thin lines.
        crop_px: left, top, right, bottom of what `image` and `mask` show, in the frame's own pixels.
        cut_px: lesion pixels outside of that.
        clipped: outlines that reach out of the frame.
        overlap_px: pixels inside lesions of two classes, which count for the smaller lesion.
        bluish: whether there is clearly more blue than red in the frame.
        dim: whether the frame has 16 bits and uses less than half of their range, as 12-bit data do.
        doubts: why the view that was found may be the wrong one.
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
    doubts: tuple[str, ...]
    borders: Borders

    @property
    def lesion_area_px(self) -> int:
        """Lesion pixels of all classes at the frame's own size."""
        return sum(self.areas_px.values())


def read_pixels(
    frame: Path,
    drawn: Path | Sequence[Drawn],
    lesion_class: str | None,
    recipe: ReadingRecipe,
    further: Sequence[Path] = (),
) -> DecodedFrame:
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
        RefusedError: a file can't be decoded, the two don't fit, or nobody judged what is looked at.
        InputError: the system can't read a file.
    """
    picture = read_picture(frame, "frame")
    rgb = to_rgb(picture.shown)
    value = recipe.values.get(lesion_class, 1)
    if isinstance(drawn, Path):
        truth = union([read_mask(one, rgb.size, picture.turn, recipe, lesion_class) for one in (drawn, *further)])
    else:
        truth = outlined(drawn, rgb.size, picture.turn, {**recipe.values, None: value, IGNORE: IGNORED})
    return _pixels(swapped(rgb) if recipe.swap else rgb, truth, recipe, frame_digest(rgb), _dim(picture, rgb))


def read_frame(frame: Path, *, swap: bool = False) -> tuple[Image.Image, bool]:
    """Decode a frame that has no mask: upright RGB at its own size, and `DecodedFrame.dim`, as `read_pixels` sees them.

    Args:
        frame: the frame's file.
        swap: whether red and blue change places.

    Raises:
        RefusedError: the file can't be decoded.
        InputError: the system can't read the file.
    """
    picture = read_picture(frame, "frame")
    rgb = to_rgb(picture.shown)
    return swapped(rgb) if swap else rgb, _dim(picture, rgb)


def bluish(image: np.ndarray[Any, np.dtype[np.uint8]]) -> bool:
    """Return whether there is clearly more blue than red in a frame [S, S, 3] uint8, RGB."""
    return bool(image[..., 2].mean() > _BLUISH * image[..., 0].mean())


def large(size: tuple[int, int]) -> bool:
    """Return whether a frame of this width and height, px, takes so much memory that its owner should know."""
    return size[0] * size[1] > _LARGE_PX


def view_of(picture: Image.Image, rule: ViewRule) -> tuple[Box, tuple[str, ...]]:
    """Return what of a frame is looked at, and why that may be the wrong part, if the view was looked for.

    Args:
        picture: the frame, upright, RGB.
        rule: what of the frame is looked at.
    """
    view = looked_at(np.asarray(picture), rule)
    little = rule == "auto" and view.width_px * view.height_px < _LITTLE * picture.width * picture.height
    return view.box, (*[ANOTHER] * view.another, *[LITTLE] * little)


def _pixels(rgb: Image.Image, truth: Truth, recipe: ReadingRecipe, sha256: str, dim: bool) -> DecodedFrame:
    box, doubts = view_of(rgb, recipe.view)
    image = squash(rgb, recipe.size_px, box)
    areas_px = _areas(truth.labels)
    mask = np.asarray(truth.labels.resize((recipe.size_px, recipe.size_px), Image.Resampling.NEAREST, box))
    check_judged(mask, "what it judges lies outside the view, or is lost at the working size")
    return DecodedFrame(
        image=image,
        mask=mask,
        native_mask=pack_native_mask(truth.labels),
        width_px=rgb.width,
        height_px=rgb.height,
        areas_px=areas_px,
        sha256=sha256,
        between_px=truth.between_px,
        drawn=truth.drawn,
        line_px=truth.line_px,
        crop_px=box,
        cut_px=sum(areas_px.values()) - sum(_areas(truth.labels.crop(box)).values()),
        clipped=truth.clipped,
        overlap_px=truth.overlap_px,
        bluish=bluish(image),
        dim=dim,
        doubts=doubts,
        borders=measure(np.asarray(_small(rgb))),
    )


def _small(rgb: Image.Image) -> Image.Image:
    return rgb.resize((_BORDERS_PX, _BORDERS_PX), Image.Resampling.BOX, reducing_gap=1.0)


def _areas(labels: Image.Image) -> dict[int, int]:
    return {value: count for value, count in enumerate(labels.histogram()[:IGNORED]) if value and count}


def _dim(picture: StoredPicture, rgb: Image.Image) -> bool:
    """Return whether a frame of 16 bits stays in the lower half of their range; values up to 255 are 8-bit data."""
    if not picture.deep or (picture.shown.mode.startswith("I") and np.asarray(picture.shown).max() <= 0xFF):
        return False
    return bool(np.asarray(rgb).max() < 0x80)


def swapped(rgb: Image.Image) -> Image.Image:
    """Return a frame with red and blue in each other's place."""
    red, green, blue = rgb.split()
    return Image.merge("RGB", (blue, green, red))


def frame_digest(rgb: Image.Image) -> str:
    """Return the hex SHA-256 of a frame's size and pixels, by which the same picture is known in another file.

    Args:
        rgb: upright, its colours in the order of the file.
    """
    digest = hashlib.sha256(size_text(rgb.size).encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()
