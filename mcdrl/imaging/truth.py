"""Where the lesions of a frame are, at the frame's own size: by its masks or by outlines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from mcdrl.artifacts.frames import IGNORED, judged_of, lesion_of
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.depth import DEPTH
from mcdrl.imaging.labels import Read, read_labels
from mcdrl.imaging.outlines import Drawn, clipped, draw, overlapping_px
from mcdrl.imaging.picture import read_picture, same_shape, size_text, upright_mask
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.imaging.stored_mask import Labels
from mcdrl.imaging.strokes import Strokes, strokes


@dataclass(frozen=True)
class Truth:
    """A mask at the frame's own size: "L", 0, the lesion's value or 255; and what is odd about it."""

    labels: Image.Image
    between_px: int = 0
    drawn: str | None = None
    line_px: int = 0
    clipped: int = 0
    overlap_px: int = 0


def read_mask(
    path: Path, size: tuple[int, int], frame_turn: int, recipe: ReadingRecipe, lesion_class: str | None
) -> Truth:
    """Read one mask of a frame, turned like the frame.

    Args:
        path: of its file.
        size: the frame's width and height, upright, px.
        frame_turn: the frame's EXIF orientation.
        recipe: what its values mean.
        lesion_class: class of a lesion without a class of its own.

    Raises:
        RefusedError: it can't be decoded, has another size or turn than the frame, or doesn't say where lesions are.
        InputError: the system can't read it.
    """
    stored = read_picture(path, "mask")
    shown = upright_mask(stored.shown, stored.turn, size, frame_turn)
    if shown.size != size:
        told = f"frame {size_text(size)}, mask {size_text(shown.size)}; {_resized(shown.size, size)}"
        raise RefusedError("mask of another size", told)
    if stored.deep and not shown.mode.startswith("I"):
        raise RefusedError(DEPTH, "a mask in colours of more than 8 bits; save it with 8 bits a channel, or as grey")
    with _telling_the_mask(path):
        read = read_labels(
            shown,
            lossy=stored.lossy,
            table=recipe.table(lesion_class),
            threshold=recipe.threshold,
            value=recipe.values.get(lesion_class, 1),
            white=stored.white,
        )
    return Truth(Image.fromarray(read.labels), read.between_px, read.drawn, _lines(read).line_px)


@contextmanager
def _telling_the_mask(path: Path) -> Iterator[None]:
    """Say in a refusal for a depth that nobody knows that it is the mask's, as it would be taken for the frame's."""
    try:
        yield
    except RefusedError as error:
        if error.kind != DEPTH:
            raise
        raise RefusedError(DEPTH, f"mask {path.name}: {error.detail}") from None


def _resized(mask: tuple[int, int], frame: tuple[int, int]) -> str:
    """Return what makes a mask's size its frame's."""
    wanted = "draw or save it at the frame's size"
    if same_shape(mask, frame):
        return f"{wanted}: {'enlarge' if mask < frame else 'shrink'} it by nearest neighbour"
    if same_shape(mask[::-1], frame):
        return f"{wanted}: it seems to lie on its side, so turn it like the frame"
    if mask[0] <= frame[0] and mask[1] <= frame[1]:
        return f"{wanted}; if it is of a part of it, pad it with background, or cut the frame alike"
    return f"{wanted}; if the frame was cut, cut the mask alike"


def _lines(read: Read) -> Strokes:
    check_judged(read.labels, "all of its values are to be ignored")
    found = strokes(lesion_of(read.labels), judged_of(read.labels))
    if found.outline_px:
        raise RefusedError(
            "outline instead of a lesion",
            f"a closed curve of {found.outline_px} px with nothing in it; fill it, or give it as a polygon",
        )
    return found


def check_judged(labels: Labels, why: str) -> None:
    """Check that a mask says of one pixel at least whether it is lesion: without one, no score is defined.

    Args:
        labels: the mask, as `judged_of` takes it.
        why: what is wrong where it doesn't.

    Raises:
        RefusedError: it doesn't.
    """
    if not judged_of(labels).any():
        raise RefusedError("mask that judges no pixel", why)


def union(masks: Sequence[Truth]) -> Truth:
    """Lay the masks of one frame over one another: lesion counts first, then what nobody judged, then background.

    Where lesions of several classes overlap, the smallest one counts, as among outlines.

    Args:
        masks: of the frame, one at least.

    Raises:
        RefusedError: they don't agree on what means lesion, or leave no pixel that all of them judge.
    """
    if len(masks) == 1:
        return masks[0]
    said = sorted({mask.drawn for mask in masks if mask.drawn is not None})
    if len(said) > 1:
        detail = f"{' and '.join(said)} mean lesion in one frame; say what values mean by mask_values"
        raise RefusedError("masks that disagree", detail)
    layers = np.stack([np.asarray(mask.labels) for mask in masks])
    lesions = np.where(lesion_of(layers), layers, 0)
    lesion = lesions.max(0)
    several = lesion > np.where(lesions > 0, lesions, IGNORED).min(0)
    if several.any():
        lesion = np.where(several, _smallest(lesions), lesion)
    labels = np.where(lesion > 0, lesion, np.where(judged_of(layers).all(0), 0, IGNORED)).astype(np.uint8)
    check_judged(labels, "each pixel is to be ignored in one of its masks")
    between_px, line_px = sum(mask.between_px for mask in masks), sum(mask.line_px for mask in masks)
    overlap_px = int(several.sum())
    return Truth(Image.fromarray(labels), between_px, next(iter(said), None), line_px, overlap_px=overlap_px)


def _smallest(layers: Labels) -> Labels:
    """Return the class of the smallest lesion at each pixel.

    Args:
        layers: [N, H, W] uint8, 0 where there is no lesion; a lesion is what hangs together in one of them.
    """
    least = np.full(layers.shape[1:], layers[0].size + 1)
    found = np.zeros(layers.shape[1:], np.uint8)
    for layer in layers:
        for value in np.unique(layer[layer > 0]):
            parts, _ = ndimage.label(layer == value, np.ones((3, 3)))
            areas = np.bincount(parts.ravel())[parts]
            here = (parts > 0) & (areas <= least)
            least[here], found[here] = areas[here], value
    return found


def outlined(
    outlines: Sequence[Drawn], size: tuple[int, int], frame_turn: int, values: Mapping[str | None, int]
) -> Truth:
    """Draw a frame's outlines.

    Args:
        outlines: of its lesions.
        size: the frame's width and height, upright, px.
        frame_turn: the frame's EXIF orientation.
        values: lesion class -> its value in the mask.

    Raises:
        RefusedError: the frame is turned, so that the outlines may be, too: their size doesn't say that they were drawn
            on the upright frame. Or all of it is to be ignored.
    """
    settled = frame_turn >= 5 and size[0] != size[1] and all(one.drawn_on == size for one in outlines)
    if outlines and frame_turn != 1 and not settled:
        raise RefusedError(
            "outline that may be turned", f"the frame has EXIF orientation {frame_turn}; store the frame upright"
        )
    labels = draw(outlines, size, values)
    check_judged(labels, "all of it is to be ignored")
    return Truth(
        Image.fromarray(labels), clipped=len(clipped(outlines, size)), overlap_px=overlapping_px(outlines, size)
    )
