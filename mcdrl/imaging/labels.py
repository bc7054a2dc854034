"""What the values of a mask file mean: plain ones are read, others by the site's table, and the rest is refused.

Plain is a mask of two values, background and lesion: 0 and 1, 0 and 255 in any layout of channels, one colour on
black, or black and white with what JPEG and smoothing leave at their border; and a mask that is background all over.
Three labels (0, 1, and 255 for what nobody judged), two colours, class ids or a painted frame look like that to no one
but a threshold; only a table can say what they mean. Where a mask is plain but smooth, `mask_threshold` says where the
lesion begins; a table takes its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from mcdrl.base.issues import RefusedError
from mcdrl.base.windows import grown
from mcdrl.imaging.depth import to_rgb
from mcdrl.imaging.stored_mask import (
    APART,
    BLACK,
    MOST_LABELS,
    NOISE,
    Array,
    Labels,
    StoredMask,
    colour_of,
    stored_in,
    unpacked,
)
from mcdrl.imaging.unexplained import NO_LABELS, blurred, counted, unexplained

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Table = Mapping[str, int]  # "7" or "250,50,83" -> 0 background, k + 1 lesion of class k, 255 ignored
_UNLISTED = "mask values that mask_values doesn't list"
_NEVER = 0x7FFF  # a distance that no colour has
_EDGE_PX = 8  # from the border of a lesion: a block of JPEG, or a mask enlarged eight times
_FAR_PX = 16  # beyond this, the largest block of JPEG, its noise ends
_FLAT, _STRAY, _ALIKE = 0.05, 0.02, 0.8  # shares of the pixels between: flat, in a JPEG elsewhere, of one value
_PATCH_PX = 7  # what colours, which JPEG keeps at half their size, leave at a border is narrower


@dataclass(frozen=True)
class Read:
    """A mask that was read.

    Attributes:
        labels: [H, W] uint8, 0 background, the lesion's value, 255 ignored.
        between_px: pixels that are neither nearly black nor nearly white, unless there are but two values; in a JPEG
            with a table those near none of its values.
        drawn: the value or colour that was taken for lesion without a table; None: there is no lesion, or a table.
    """

    labels: Labels
    between_px: int = 0
    drawn: str | None = None


def read_labels(
    mask: Image.Image, *, lossy: bool, table: Table | None, threshold: int, value: int, white: int = 0xFFFF
) -> Read:
    """Read a mask by the table, or, without one, if it is plain.

    Args:
        mask: upright, as it was decoded.
        lossy: whether its file is a JPEG.
        table: what values mean; black is background unless it says otherwise.
        threshold: grey value 1..255 from which a pixel of a plain mask is lesion.
        value: of the lesion in a plain mask.
        white: the greatest value that grey of more than 8 bits may have.

    Raises:
        RefusedError: nobody can know what a value means.
    """
    if table is None:
        return _plain(stored_in(mask, lossy, white), threshold, value)
    if not lossy:
        return _exact(stored_in(mask, lossy, white), table)
    return _nearest(mask, {**_black_of(table), **table})


def _plain(stored: StoredMask, threshold: int, value: int) -> Read:
    if stored.merged:
        raise unexplained(stored, threshold)
    if stored.chroma > NOISE:
        return _one_colour(stored, threshold, value)
    counts = np.bincount(stored.grey.ravel(), minlength=256)
    levels = np.flatnonzero(counts).tolist()
    if len(levels) == 1 and levels[0] <= (NOISE if stored.lossy else 0):
        return Read(np.zeros(stored.grey.shape, np.uint8))
    if levels == [0, 1] and not stored.lossy and not stored.deep:
        return Read(_labels(stored.grey == 1, value), drawn="1")
    two = _two_values(levels, threshold, stored.lossy)
    if not two and not _black_and_white(stored.grey, counts, stored.lossy):
        raise unexplained(stored, threshold)
    drawn = "255" if levels[-1] >= 255 - NOISE else str(levels[-1])
    between_px = 0 if two else int(counts[NOISE + 1 : 255 - NOISE].sum())
    return Read(_labels(stored.grey >= threshold, value), between_px, drawn)


def _one_colour(stored: StoredMask, threshold: int, value: int) -> Read:
    """Read a mask of one colour on black, also from a JPEG."""
    smeared = (
        _one_blurred_colour(stored, threshold, value)
        if stored.lossy or len(np.unique(stored.codes)) > MOST_LABELS
        else None
    )
    if smeared is not None:
        return smeared
    names = [stored.names(int(code))[-1] for code in np.unique(stored.codes)] if not stored.lossy else []
    colours = sorted(set(names) - {BLACK})
    if BLACK not in names or len(colours) != 1 or stored.grey.max() < threshold:
        raise unexplained(stored, threshold)
    return Read(_labels(stored.grey > 0, value), drawn=colours[0])


def _one_blurred_colour(stored: StoredMask, threshold: int, value: int) -> Read | None:
    """Read what JPEG made of a mask of one pure colour, such as red, on black; None: it is none."""
    rgb = np.stack(unpacked(stored.codes), axis=-1).astype(np.float32)
    inner = ndimage.binary_erosion(stored.grey >= threshold, np.ones((3, 3)))
    if not stored.coloured or not inner.any():
        return None
    middle = np.median(rgb[inner], axis=0)
    pure = np.where(middle >= 128, 255, 0).astype(np.float32)
    if np.abs(middle - pure).max() > 2 * NOISE:
        return None
    share = rgb @ pure / (pure @ pure)
    grey = (share * 255).round().clip(0, 255).astype(np.uint8)
    sides = [grown(side, 2 * _FAR_PX + 1) for side in (grey <= NOISE, grey >= 255 - NOISE)]
    astray = np.abs(rgb - share[..., None] * pure).max(axis=2) > 2 * NOISE
    counts = np.bincount(grey.ravel(), minlength=256)
    other = (astray & ~(sides[0] & sides[1])).any() or ndimage.binary_erosion(astray, np.ones((_PATCH_PX,) * 2)).any()
    if other or not _black_and_white(grey, counts, lossy=True, patch=_PATCH_PX):
        return None
    drawn = ",".join(str(int(part)) for part in pure)
    return Read(_labels(grey >= threshold, value), int(counts[NOISE + 1 : 255 - NOISE].sum()), drawn)


def _two_values(levels: list[int], threshold: int, lossy: bool) -> bool:
    return not lossy and len(levels) == 2 and levels[0] <= NOISE and levels[1] >= threshold


def _black_and_white(grey: Labels, counts: Array, lossy: bool, patch: int = 3) -> bool:
    """Return whether a mask of many grey values is black and white with what JPEG or smoothing leaves between.

    A lossless file counts as decoded from a JPEG if both black and white are spread; otherwise each of them is the
    commonest value there, so that a label 1 beside black is none of it.
    """
    if not counts[: NOISE + 1].any() or not counts[255 - NOISE :].any():
        return False
    spread = min(np.count_nonzero(counts[: NOISE + 1]), np.count_nonzero(counts[255 - NOISE :])) >= 3
    if lossy or spread:
        dark, bright = grey <= NOISE, grey >= 255 - NOISE
        between = (grey > APART) & (grey < 255 - APART)
        noise = _is_noise(grey, dark) and _is_noise(grey, bright) and not _has_shades(grey, patch)
        return noise and _is_border(grey, between, (dark, bright), _STRAY, 2 * NOISE)
    dark = grey == int(counts[: NOISE + 1].argmax())
    bright = grey == 255 - NOISE + int(counts[255 - NOISE :].argmax())
    between = ~(dark | bright)
    levels = counts[np.unique(grey[between])]
    varied = len(levels) >= 3 and levels.max() <= _ALIKE * levels.sum()
    return bool(varied) and _is_border(grey, between, (dark, bright), 0.0, 0)


def _is_noise(grey: Labels, side: Bools) -> bool:
    """Return whether one side of a mask, black or white, is one value beyond the reach of JPEG's noise."""
    far = ~grown(~side, 2 * _FAR_PX + 1)
    if not far.any():
        return True
    others = far & (grey != np.bincount(grey[far]).argmax())
    return not ndimage.binary_erosion(others, np.ones((3, 3))).any()


def _has_shades(grey: Labels, patch: int) -> bool:
    """Return whether patches, so wide, are a shade off black or white; JPEG's noise at a border is never so wide."""
    return any(
        ndimage.binary_erosion((grey > low) & (grey <= high), np.ones((patch, patch))).any()
        for low, high in ((NOISE, APART), (254 - APART, 254 - NOISE))
    )


def _is_border(grey: Labels, between: Bools, sides: tuple[Bools, Bools], stray: float, tolerance: int) -> bool:
    """Return whether the pixels between black and white lie between the two and change from one to the next.

    Args:
        grey: [H, W] uint8.
        between: [H, W] bool.
        sides: black and white, likewise.
        stray: share of those between that may lie elsewhere.
        tolerance: differences up to this count as none.
    """
    dark, bright = (grown(side, 2 * _EDGE_PX + 1) for side in sides)
    elsewhere = between & ~(dark & bright)
    return bool(elsewhere.sum() <= stray * between.sum()) and not _is_patchy(grey, between, tolerance)


def _is_patchy(grey: Array, where: Bools, tolerance: int) -> bool:
    """Return whether there are patches of one value, up to a tolerance, in part of a mask [H, W]."""
    alike = ndimage.maximum_filter(grey, 3) - ndimage.minimum_filter(grey, 3) <= tolerance
    return bool((where & alike).sum() > _FLAT * where.sum())


def _labels(lesion: Bools, value: int) -> Labels:
    return lesion.view(np.uint8) * np.uint8(value)


def _black_of(table: Table) -> Table:
    """Return what black means where a table doesn't say."""
    return {} if {"0", BLACK} & set(table) else {BLACK: 0}


def _exact(stored: StoredMask, table: Table) -> Read:
    """Read a lossless mask, all of whose values but black must stand in the table."""
    black = _black_of(table)
    labels = np.zeros(stored.codes.shape, np.uint8)
    unknown = []
    alike = _alike(stored, table)
    for code in np.unique(stored.codes).tolist():
        meaning = None if code in alike else _meaning(stored, int(code), table, black)
        if meaning is None:
            unknown.append(int(code))
        elif meaning:
            labels[stored.codes == code] = meaning
    if unknown:
        fix = NO_LABELS if blurred(stored, unknown) else "list them"
        raise RefusedError(_UNLISTED, f"{counted(stored, unknown)}; {fix}")
    return Read(labels)


def _alike(stored: StoredMask, table: Table) -> list[int]:
    """Return the indices of a palette that no table lists and whose one colour, black too, can't tell them apart."""
    if not stored.merged or stored.palette is None:
        return []
    unlisted = [code for code in np.unique(stored.codes).tolist() if str(code) not in table]
    colours = Counter(stored.names(code)[-1] for code in unlisted)
    return [code for code in unlisted if colours[stored.names(code)[-1]] > 1]


def _meaning(stored: StoredMask, code: int, table: Table, black: Table) -> int | None:
    """Return what a value means; None: nobody says.

    Raises:
        RefusedError: the table has it under two names that mean different things there.
    """
    names = stored.names(code)
    said = {name: table[name] for name in names if name in table}
    if len(set(said.values())) > 1:
        told = f"{stored.shown(code)} is {' and '.join(said)} in mask_values, which differ there"
        white = ", where white then means what 255 means" if {"1", "255"} <= said.keys() else ""
        fix = f"leave one, or save the mask as grey of 8 bits{white}"
        raise RefusedError("mask value of two meanings", f"{told}; {fix}")
    return next(iter(said.values()), black.get(names[-1]))


def _nearest(mask: Image.Image, table: Table) -> Read:
    """Read a JPEG: each pixel has the nearest of those values of the table that cover some part of it."""
    rgb = np.asarray(to_rgb(mask)).astype(np.int16)
    colours = {name: colour_of(name) for name in table}
    _check_apart(colours, table)
    least, labels = np.full(rgb.shape[:2], _NEVER, np.int16), np.zeros(rgb.shape[:2], np.uint8)
    sides = np.zeros(rgb.shape[:2], np.uint8)
    for name, colour in colours.items():
        distance = np.abs(rgb - colour).max(axis=2)
        here = ndimage.binary_opening(distance <= 2 * NOISE, np.ones((3, 3)))
        if here.any():
            nearer = distance < least
            labels[nearer], least[nearer] = table[name], distance[nearer]
            sides += grown(here, 2 * _EDGE_PX + 1)
    between = least > 2 * NOISE
    if (between & (sides < 2)).any() or _is_patchy(rgb.max(axis=2), between, 2 * NOISE):
        stored = stored_in(mask, lossy=True)
        fix = "list them, or save the masks as PNG" if stored.chroma <= NOISE else "save the masks as PNG"
        raise RefusedError(_UNLISTED, f"{counted(stored)}; {fix}")
    return Read(labels, int(between.sum()))


def _check_apart(colours: Mapping[str, Array], table: Table) -> None:
    for one, other in combinations(colours, 2):
        if table[one] != table[other] and np.abs(colours[one] - colours[other]).max() < APART:
            detail = f"a JPEG can't tell {one} from {other}, it needs {APART} between values; save the masks as PNG"
            raise RefusedError("JPEG mask of values too close to each other", detail)
