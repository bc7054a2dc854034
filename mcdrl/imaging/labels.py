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
from mcdrl.imaging.depth import eight_bit, to_rgb

Labels = np.ndarray[Any, np.dtype[np.uint8]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
Array = np.ndarray[Any, np.dtype[Any]]
Table = Mapping[str, int]  # "7" or "250,50,83" -> 0 background, k + 1 lesion of class k, 255 ignored
UNEXPLAINED = "mask values that nobody has explained"
_UNLISTED, _DARK = "mask values that mask_values doesn't list", "mask below its threshold"
_BLACK = "0,0,0"
_ONE_BIT = np.array([[0, 0, 0], [255, 255, 255]], np.uint8)  # the palette of masks of one bit
_PACKED = (1 << 16, 1 << 8, 1)  # what makes one number of a colour
_NEVER = 0x7FFF  # a distance that no colour has
_NOISE = 8  # how far JPEG moves black and white where they are flat
_APART = 4 * _NOISE  # how far values must be apart to be told in a JPEG
_EDGE_PX = 8  # from the border of a lesion: a block of JPEG, or a mask enlarged eight times
_FAR_PX = 16  # beyond this, the largest block of JPEG, its noise ends
_FLAT, _STRAY, _ALIKE = 0.05, 0.02, 0.8  # shares of the pixels between: flat, in a JPEG elsewhere, of one value
_PATCH_PX = 7  # what colours, which JPEG keeps at half their size, leave at a border is narrower
_SHOWN = 6  # values that a refusal lists
_LABELS = 32  # values that are looked at, at most
_NO_LABELS = "so many are a picture, or blurred labels; save a mask that has one value for each thing"
_MEANINGS = "lesion, a lesion class, background or ignore"


class UnexplainedError(RefusedError):
    """A mask whose values nobody has explained.

    Attributes:
        values: how they are called, as long as they are few enough to be labels; else empty.
    """

    def __init__(self, kind: str, detail: str, values: tuple[str, ...]) -> None:
        """Take the parts of an `Issue` and the values."""
        super().__init__(kind, detail)
        self.values = values


@dataclass(frozen=True)
class Read:
    """A mask that was read.

    Attributes:
        labels: [H, W] uint8, 0 background, the lesion's value, 255 ignored.
        between_px: pixels that are neither nearly black nor nearly white, or in a JPEG near no value of the table.
        drawn: the value or colour that was taken for lesion without a table; None: there is no lesion, or a table.
    """

    labels: Labels
    between_px: int = 0
    drawn: str | None = None


@dataclass(frozen=True)
class _Stored:
    """A mask as it is stored.

    Attributes:
        codes: [H, W] ints: grey values, indices of a palette, or colours as 0xRRGGBB.
        grey: [H, W] uint8, the brightest channel, transparency laid on black; of 16 bits by their full range.
        palette: the colour of each index; None: the codes are no indices.
        coloured: whether the codes are colours.
        chroma: how far a pixel's channels are apart at most.
        lossy: whether the file is a JPEG.
        deep: whether it holds values above 255.
    """

    codes: Array
    grey: Labels
    lossy: bool
    palette: Labels | None = None
    coloured: bool = False
    chroma: int = 0
    deep: bool = False

    @property
    def merged(self) -> bool:
        """Whether different codes look alike: ids of 16 bits as grey of 8, entries of a palette with one colour."""
        if self.palette is _ONE_BIT or (self.palette is None and not self.deep):
            return False
        codes = np.unique(self.codes)
        looks = np.unique(self.grey) if self.palette is None else np.unique(self.palette[codes], axis=0)
        return len(looks) < len(codes)

    def names(self, code: int) -> tuple[str, ...]:
        """Return what a table may call a code: its id, its colour."""
        if self.palette is not None:
            return str(int(code)), ",".join(str(part) for part in self.palette[int(code)])
        red, green, blue = _unpacked(code) if self.coloured else (code, code, code)
        colour = f"{red},{green},{blue}"
        return (str(red), colour) if red == green == blue else (colour,)

    def shown(self, code: int) -> str:
        """Return how a person would call a code."""
        names = self.names(code)
        return f"{names[0]} ({names[1]})" if self.palette is not None else names[0]


def read_labels(mask: Image.Image, *, lossy: bool, table: Table | None, threshold: int, value: int) -> Read:
    """Read a mask by the table, or, without one, if it is plain.

    Args:
        mask: upright, as it was decoded.
        lossy: whether its file is a JPEG.
        table: what values mean; black is background unless it says otherwise.
        threshold: grey value 1..255 from which a pixel of a plain mask is lesion.
        value: of the lesion in a plain mask.

    Raises:
        RefusedError: nobody can know what a value means.
    """
    if table is None:
        return _plain(_stored(mask, lossy), threshold, value)
    known = table if {"0", _BLACK} & set(table) else {_BLACK: 0, **table}
    return _nearest(mask, known) if lossy else _exact(_stored(mask, lossy), known)


def _stored(mask: Image.Image, lossy: bool) -> _Stored:
    if mask.mode in ("1", "L") and not mask.has_transparency_data:
        grey = np.asarray(mask.convert("L"))
        return _Stored(grey, grey, lossy) if mask.mode == "L" else _Stored(np.asarray(mask), grey, lossy, _ONE_BIT)
    if mask.mode.startswith("I"):
        codes = np.asarray(mask)
        return _Stored(codes, np.asarray(eight_bit(mask)), lossy, deep=bool(codes.max() > 0xFF))
    if mask.mode != "P" and mask.has_transparency_data:
        _check_colours(mask)
    rgb = np.asarray(to_rgb(mask))
    grey, packed = rgb.max(axis=2), rgb.astype(np.int32) @ _PACKED
    chroma = int((grey - rgb.min(axis=2)).max())
    if mask.mode != "P":
        return _Stored(packed, grey, lossy, coloured=True, chroma=chroma)
    indices = np.asarray(mask).astype(np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[indices] = rgb
    return _Stored(indices, grey, lossy, palette, chroma=chroma)


def _unpacked(code: Any) -> tuple[Any, Any, Any]:
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
        hidden = " and ".join(",".join(map(str, _unpacked(colour))) for colour in alike[:_SHOWN].tolist())
        told = f"{hidden} look alike on black; save it without transparency"
        raise RefusedError("mask with colours hidden by its transparency", told)


def _plain(stored: _Stored, threshold: int, value: int) -> Read:
    if stored.merged:
        raise _unexplained(stored, threshold)
    if stored.chroma > _NOISE:
        return _one_colour(stored, threshold, value)
    counts = np.bincount(stored.grey.ravel(), minlength=256)
    levels = np.flatnonzero(counts).tolist()
    if len(levels) == 1 and levels[0] <= (_NOISE if stored.lossy else 0):
        return Read(np.zeros(stored.grey.shape, np.uint8))
    if levels == [0, 1] and not stored.lossy and not stored.deep:
        return Read(_labels(stored.grey == 1, value), drawn="1")
    if not _two_values(levels, threshold, stored.lossy) and not _black_and_white(stored.grey, counts, stored.lossy):
        raise _unexplained(stored, threshold)
    drawn = "255" if levels[-1] >= 255 - _NOISE else str(levels[-1])
    between_px = int(counts[_NOISE + 1 : 255 - _NOISE].sum())
    return Read(_labels(stored.grey >= threshold, value), between_px, drawn)


def _one_colour(stored: _Stored, threshold: int, value: int) -> Read:
    """Read a mask of one colour on black, also from a JPEG."""
    blurred = (
        _one_blurred_colour(stored, threshold, value)
        if stored.lossy or len(np.unique(stored.codes)) > _LABELS
        else None
    )
    if blurred is not None:
        return blurred
    names = [stored.names(int(code))[-1] for code in np.unique(stored.codes)] if not stored.lossy else []
    colours = sorted(set(names) - {_BLACK})
    if _BLACK not in names or len(colours) != 1 or stored.grey.max() < threshold:
        raise _unexplained(stored, threshold)
    return Read(_labels(stored.grey > 0, value), drawn=colours[0])


def _one_blurred_colour(stored: _Stored, threshold: int, value: int) -> Read | None:
    """Read what JPEG made of a mask of one pure colour, such as red, on black; None: it is none."""
    rgb = np.stack(_unpacked(stored.codes), axis=-1).astype(np.float32)
    inner = ndimage.binary_erosion(stored.grey >= threshold, np.ones((3, 3)))
    if not stored.coloured or not inner.any():
        return None
    middle = np.median(rgb[inner], axis=0)
    pure = np.where(middle >= 128, 255, 0).astype(np.float32)
    if np.abs(middle - pure).max() > 2 * _NOISE:
        return None
    share = rgb @ pure / (pure @ pure)
    grey = (share * 255).round().clip(0, 255).astype(np.uint8)
    sides = [grown(side, 2 * _FAR_PX + 1) for side in (grey <= _NOISE, grey >= 255 - _NOISE)]
    astray = np.abs(rgb - share[..., None] * pure).max(axis=2) > 2 * _NOISE
    counts = np.bincount(grey.ravel(), minlength=256)
    other = (astray & ~(sides[0] & sides[1])).any() or ndimage.binary_erosion(astray, np.ones((_PATCH_PX,) * 2)).any()
    if other or not _black_and_white(grey, counts, lossy=True, patch=_PATCH_PX):
        return None
    drawn = ",".join(str(int(part)) for part in pure)
    return Read(_labels(grey >= threshold, value), int(counts[_NOISE + 1 : 255 - _NOISE].sum()), drawn)


def _two_values(levels: list[int], threshold: int, lossy: bool) -> bool:
    return not lossy and len(levels) == 2 and levels[0] <= _NOISE and levels[1] >= threshold


def _black_and_white(grey: Labels, counts: Array, lossy: bool, patch: int = 3) -> bool:
    """Return whether a mask of many grey values is black and white with what JPEG or smoothing leaves between.

    A lossless file counts as decoded from a JPEG if both black and white are spread; otherwise each of them is the
    commonest value there, so that a label 1 beside black is none of it.
    """
    if not counts[: _NOISE + 1].any() or not counts[255 - _NOISE :].any():
        return False
    spread = min(np.count_nonzero(counts[: _NOISE + 1]), np.count_nonzero(counts[255 - _NOISE :])) >= 3
    if lossy or spread:
        dark, bright = grey <= _NOISE, grey >= 255 - _NOISE
        between = (grey > _APART) & (grey < 255 - _APART)
        noise = _is_noise(grey, dark) and _is_noise(grey, bright) and not _has_shades(grey, patch)
        return noise and _is_border(grey, between, (dark, bright), _STRAY, 2 * _NOISE)
    dark = grey == int(counts[: _NOISE + 1].argmax())
    bright = grey == 255 - _NOISE + int(counts[255 - _NOISE :].argmax())
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
        for low, high in ((_NOISE, _APART), (254 - _APART, 254 - _NOISE))
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


def _exact(stored: _Stored, table: Table) -> Read:
    """Read a lossless mask, all of whose values must stand in the table."""
    labels = np.zeros(stored.codes.shape, np.uint8)
    unknown = []
    alike = _alike(stored, table)
    for code in np.unique(stored.codes).tolist():
        meaning = _meaning(stored, int(code), table) if code not in alike else None
        if meaning is None:
            unknown.append(int(code))
        elif meaning:
            labels[stored.codes == code] = meaning
    if unknown:
        raise RefusedError(_UNLISTED, f"{_listed(stored, unknown)}; list them")
    return Read(labels)


def _alike(stored: _Stored, table: Table) -> list[int]:
    """Return the indices of a palette that no table lists and whose one colour, black too, can't tell them apart."""
    if not stored.merged or stored.palette is None:
        return []
    unlisted = [code for code in np.unique(stored.codes).tolist() if str(code) not in table]
    colours = Counter(stored.names(code)[-1] for code in unlisted)
    return [code for code in unlisted if colours[stored.names(code)[-1]] > 1]


def _meaning(stored: _Stored, code: int, table: Table) -> int | None:
    return next((table[name] for name in stored.names(code) if name in table), None)


def _nearest(mask: Image.Image, table: Table) -> Read:
    """Read a JPEG: each pixel has the nearest of those values of the table that cover some part of it."""
    rgb = np.asarray(to_rgb(mask)).astype(np.int16)
    colours = {name: _colour(name) for name in table}
    _check_apart(colours, table)
    least, labels = np.full(rgb.shape[:2], _NEVER, np.int16), np.zeros(rgb.shape[:2], np.uint8)
    sides = np.zeros(rgb.shape[:2], np.uint8)
    for name, colour in colours.items():
        distance = np.abs(rgb - colour).max(axis=2)
        here = ndimage.binary_opening(distance <= 2 * _NOISE, np.ones((3, 3)))
        if here.any():
            nearer = distance < least
            labels[nearer], least[nearer] = table[name], distance[nearer]
            sides += grown(here, 2 * _EDGE_PX + 1)
    between = least > 2 * _NOISE
    if (between & (sides < 2)).any() or _is_patchy(rgb.max(axis=2), between, 2 * _NOISE):
        detail = f"{_listed(_stored(mask, lossy=True))}; list them, or save the masks as PNG"
        raise RefusedError(_UNLISTED, detail)
    return Read(labels, int(between.sum()))


def _colour(name: str) -> Array:
    parts = [int(part) for part in name.split(",")]
    return np.array(parts * 3 if len(parts) == 1 else parts, np.int16)


def _check_apart(colours: Mapping[str, Array], table: Table) -> None:
    for one, other in combinations(colours, 2):
        if table[one] != table[other] and np.abs(colours[one] - colours[other]).max() < _APART:
            detail = f"a JPEG can't tell {one} from {other}, it needs {_APART} between values; save the masks as PNG"
            raise RefusedError("JPEG mask of values too close to each other", detail)


def _unexplained(stored: _Stored, threshold: int) -> UnexplainedError:
    lossless = "; a JPEG blurs labels, so save the masks as PNG" if stored.lossy else ""
    codes = np.unique(stored.codes).tolist()
    template = _template(stored, codes)
    fix = f"say what each means in mask_values: {template}" if template else _NO_LABELS
    detail = f"{_listed(stored)}; {fix}{lossless}"
    values = tuple(stored.shown(int(code)) for code in codes) if len(codes) <= _SHOWN else ()
    top = int(stored.grey.max())
    if top < threshold:
        told = f"its brightest value is {top}, mask_threshold is {threshold}; it holds {detail}"
        return UnexplainedError(_DARK, told, values)
    return UnexplainedError(UNEXPLAINED, detail, values)


def _template(stored: _Stored, codes: list[int]) -> str:
    """Return the setting to be filled in, without black, unless several indices of a palette are.

    Of many values those that fill a patch; empty: there are others, so that no setting could read the mask.
    """
    if len(codes) > _SHOWN:
        flat = _flat(stored, codes)
        codes = flat if stored.lossy or len(flat) == len(codes) else []
    names = [(code, stored.names(int(code))) for code in codes[: _SHOWN + 1]]
    keys = [f'"{name[0]}": ...' for code, name in names if name[-1] != _BLACK or code]
    if not keys:
        return ""
    return f"{{{', '.join(keys[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}}}, each of them {_MEANINGS}"


def _flat(stored: _Stored, codes: list[int]) -> list[int]:
    """Return the values that fill a patch, sorted; of a JPEG those of which each is the commonest of its kind."""
    counts = np.unique(stored.codes, return_counts=True)[1]
    commonest = [codes[index] for index in np.argsort(-counts, kind="stable")[:_LABELS]]
    patches = [code for code in commonest if ndimage.binary_erosion(stored.codes == code, np.ones((3, 3))).any()]
    kept: list[int] = []
    for code in patches:
        colour = _colour(stored.names(code)[-1])
        if not stored.lossy or all(np.abs(colour - _colour(stored.names(one)[-1])).max() >= _APART for one in kept):
            kept.append(code)
    return sorted(kept)


def _listed(stored: _Stored, among: list[int] | None = None) -> str:
    """Return a mask's values, the commonest first, with their pixel counts."""
    codes, counts = np.unique(stored.codes, return_counts=True)
    found = [(int(n), int(code)) for code, n in zip(codes, counts, strict=True) if among is None or code in among]
    commonest = sorted(found, key=lambda pair: (-pair[0], pair[1]))
    told = ", ".join(f"{stored.shown(code)}: {n} px" for n, code in commonest[:_SHOWN])
    return told + (f" and {len(found) - _SHOWN} more values" if len(found) > _SHOWN else "")
