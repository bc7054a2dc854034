"""Which parts of a frame are drawn by a machine: borders, panels, boxes.

What a processor draws is even: one colour over a whole area, or one that drifts, with a sharp edge. Tissue is neither:
light falls off on it, and where a part of it happens to be even, that part ends softly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mcdrl.view.shape import Flags, Image

Numbers = NDArray[np.int16]
_FLAT = 5  # of 255: range of a colour within 3 x 3 pixels up to which they count as one
_LEAST = 0.003  # of the frame: smaller areas can't move the view's edge
_COLOURS = 12  # areas of how many colours are looked for
_BITS = 3  # of a channel that are dropped where common colours are counted
_TOLERANCE = 4  # of 255: how far an even area's pixels are from its colour
_DRIFT = 9  # of 255: how far apart the colours of two areas are that drift into one another
_STEADY = 3  # of 255: range of a colour within 3 x 3 pixels where two areas drift into one another
_JUMP = 14  # of 255: by how much the colour changes at a sharp edge, within three pixels
_SHARP = 0.5  # share of an area's outline that must be sharp
_SPREAD = 2  # of 255: how far from an area's colour most of its pixels are at most; tissue's are farther
_MOST, _HALF = 0.9, 0.5  # which share of an area's pixels these are where it may be tissue, and elsewhere
_CONSTANT = 0.9  # share of a border's pixels that are of its colour but for one step, if it is constant
_BLACK = 48  # of 255
_REDDISH = 4  # of 255: by how much red exceeds the other channels in dark tissue
_GRAIN = 1  # of 255: range of a colour within 3 x 3 pixels, which is larger in tissue, dark or not
_VIVID = 2.2  # times as much green or blue as red
_EDGE = 0.12  # share of the frame's own edge that an area without a sharp outline must take
_WHITE = 225  # of 255: overexposed tissue is as even as a drawing
_AROUND = 0.3  # share of the frame's own edge that a white ground around the view takes
_BORDER = 0.4  # the same of a black border that drifts or has grain; no lumen takes so much and ends sharply
_BOX, _PANEL = 2, 3  # straight sides that a box inside the frame has, and a panel
_RECTANGLE = 0.8  # of its bounding rectangle, which a white panel fills; of its sides, which a box has


@dataclass(frozen=True)
class _Pixels:
    """A reduced frame.

    Attributes:
        values: [3, h, w] uint8, red, green, blue.
        bins: [h, w] uint16, the colours, coarsely.
        unevenness: [h, w] uint8, by how much a pixel and its eight neighbours differ.
    """

    values: Image
    bins: NDArray[np.uint16]
    unevenness: Image


@dataclass(frozen=True)
class _Area:
    """Connected pixels of one colour.

    Attributes:
        flags: [h, w] bool.
        colour: [3] int16.
        constancy: share of the inner pixels that are of the colour but for one step.
    """

    flags: Flags
    colour: Numbers
    constancy: float

    @property
    def is_black(self) -> bool:
        """Whether the colour is a border's that is off or dimmed; dark tissue is reddish."""
        red, green, blue = (int(value) for value in self.colour)
        return max(red, green, blue) <= _BLACK and red - (green + blue) / 2 <= _REDDISH

    @property
    def is_vivid(self) -> bool:
        """Whether the colour is the green or blue of a box, which tissue has not even where it is dyed."""
        red, green, blue = (int(value) for value in self.colour)
        return max(green, blue) > max(_BLACK, _VIVID * red)


def drawn(image: Image) -> Flags:
    """Return which pixels belong to areas that a machine drew.

    Args:
        image: [h, w, 3] uint8, RGB, smoothed, a few hundred pixels a side at most.
    """
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    red, green, blue = (planes >> _BITS).astype(np.uint16)
    bins = (red << 2 * (8 - _BITS)) + (green << 8 - _BITS) + blue
    pixels = _Pixels(planes, bins, _range(planes))
    result = np.zeros(bins.shape, bool)
    for area in _joined(_steady(_even_areas(pixels)), pixels):
        if _is_drawing(area, pixels):
            result |= area.flags
    return result


def _range(planes: Image) -> Image:
    """Return by how much a pixel and its eight neighbours differ, in the channel where they differ most."""
    padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    high = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    low = np.minimum(np.minimum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    high = np.maximum(np.maximum(high[..., :-2], high[..., 1:-1]), high[..., 2:])
    low = np.minimum(np.minimum(low[..., :-2], low[..., 1:-1]), low[..., 2:])
    result: Image = (high - low).max(axis=0)
    return result


def _even_areas(pixels: _Pixels) -> list[_Area]:
    """Return the even areas of the commonest colours."""
    least = _LEAST * pixels.bins.size
    smooth = pixels.unevenness <= _FLAT
    values, bins = pixels.values[:, smooth], pixels.bins[smooth]
    result: list[_Area] = []
    for _ in range(_COLOURS):
        if bins.size < least:
            break
        colour = _commonest(values, bins)
        rest = np.flatnonzero(~_alike(values, colour, _TOLERANCE))
        if bins.size - rest.size < least:
            break
        result += _even_patches(pixels, colour)
        values, bins = values.take(rest, axis=1), bins.take(rest)
    return result


def _commonest(values: Image, bins: NDArray[np.uint16]) -> Numbers:
    """Return the colour that most of some pixels [3, n] have."""
    colour = _median(values.take(np.flatnonzero(bins == np.bincount(bins).argmax()), axis=1))
    return _median(values.take(np.flatnonzero(_alike(values, colour, 1 << _BITS)), axis=1))


def _median(values: Image) -> Numbers:
    """Return the median of each channel of pixels [3, n], the lower whole number where it lies between two."""
    middle = [(values.shape[1] - 1) // 2, values.shape[1] // 2]
    ordered = np.partition(values, middle, axis=1)[:, middle]
    result: Numbers = ordered.astype(np.int16).sum(axis=1, dtype=np.int16) // 2
    return result


def _alike(values: Image, colour: Numbers, tolerance: int) -> Flags:
    """Return which pixels [3, ...] are no farther from a colour than that in any channel."""
    low, high = (np.clip(colour + step, 0, 255).astype(np.uint8) for step in (-tolerance, tolerance))
    planes = zip(values, low, high, strict=True)
    red, green, blue = ((plane >= least) & (plane <= most) for plane, least, most in planes)
    result: Flags = red & green & blue
    return result


def _away(values: Image, colour: Numbers) -> Image:
    """Return how far pixels [3, ...] are from a colour, in the channel where they are farthest."""
    planes = zip(values, colour.astype(np.uint8), strict=True)
    red, green, blue = (np.maximum(plane, value) - np.minimum(plane, value) for plane, value in planes)
    result: Image = np.maximum(np.maximum(red, green), blue)
    return result


def _even_patches(pixels: _Pixels, colour: Numbers) -> list[_Area]:
    """Return the connected pixels that are of a colour, where they are even enough for a drawing."""
    alike = _alike(pixels.values, colour, _TOLERANCE)
    places = np.flatnonzero(alike)
    least = _LEAST * alike.size
    if places.size < least:
        return []
    patches, _ = ndimage.label(alike)
    number = patches.take(places)
    result = []
    for large in np.flatnonzero(np.bincount(number) >= least):
        own = places[number == large]
        core = own[pixels.unevenness.take(own) <= _FLAT]
        if not core.size:
            continue
        away = _away(pixels.values.reshape(3, -1).take(core, axis=1), colour)
        area = _Area(patches == large, colour, float((away <= 1).mean()))
        flat = 2 * core.size >= own.size
        if (flat and _is_even(area, away, pixels.unevenness.take(core))) or _is_border(area, pixels):
            result.append(area)
    return result


def _is_border(area: _Area, pixels: _Pixels) -> bool:
    """Return whether a black area goes around most of the frame and ends sharply, however even it is."""
    return area.is_black and _edge(area.flags) >= _BORDER and _sharpness(area, pixels) >= _SHARP


def _is_even(area: _Area, away: Image, unevenness: Image) -> bool:
    """Return whether the inner pixels of an area are near enough to its colour.

    Fewer must be where tissue has no such colour: vivid green or blue, and a black without any grain.
    """
    foreign = area.is_vivid or (area.is_black and np.median(unevenness) <= _GRAIN)
    return float((away <= _SPREAD).mean()) >= (_HALF if foreign else _MOST)


def _steady(areas: list[_Area]) -> list[_Area]:
    """Return the areas; if a black one is constant, without black ones of another colour that are no panel."""
    constant = [area for area in areas if area.is_black and area.constancy >= _CONSTANT]
    kept = [not (constant and area.is_black) or _is_like(area, constant) for area in areas]
    return [area for area, keep in zip(areas, kept, strict=True) if keep or _straight_sides(area.flags) >= _PANEL]


def _is_like(area: _Area, others: list[_Area]) -> bool:
    return any(np.abs(area.colour - other.colour).max() <= _TOLERANCE for other in others)


def _joined(areas: list[_Area], pixels: _Pixels) -> list[_Area]:
    """Join areas whose colours drift into one another; the colour is the largest one's."""
    rest = sorted(areas, key=lambda area: -int(area.flags.sum()))
    result = []
    while rest:
        members = [rest.pop(0)]
        for member in members:  # which grows meanwhile
            reach = _grown(_grown(member.flags))
            near = [_drifts(member, reach, other, pixels) for other in rest]
            members += [other for other, is_near in zip(rest, near, strict=True) if is_near]
            rest = [other for other, is_near in zip(rest, near, strict=True) if not is_near]
        flags = np.logical_or.reduce([member.flags for member in members])
        result.append(replace(members[0], flags=flags))
    return result


def _drifts(area: _Area, reach: Flags, other: _Area, pixels: _Pixels) -> bool:
    """Return whether another area touches one, whose reach is given, without a step between them."""
    if np.abs(other.colour - area.colour).max() > _DRIFT:
        return False
    contact = reach & other.flags
    return bool(contact.any() and np.median(pixels.unevenness[contact]) <= _STEADY)


def _is_drawing(area: _Area, pixels: _Pixels) -> bool:
    flags = area.flags
    edge = _edge(flags)
    if int(area.colour.min()) >= _WHITE:
        return edge >= _AROUND or (edge > 0 and _fullness(flags) >= _RECTANGLE)
    if edge == 0 and _straight_sides(flags) < _BOX:
        return False
    return edge >= _EDGE or _sharpness(area, pixels) >= _SHARP


def _edge(flags: Flags) -> float:
    """Return which share of the frame's own edge an area takes."""
    return float(np.concatenate([flags[0], flags[-1], flags[1:-1, 0], flags[1:-1, -1]]).mean())


def _fullness(flags: Flags) -> float:
    (place,) = ndimage.find_objects(flags.astype(np.int8))
    return float(ndimage.binary_fill_holes(flags[place]).mean())


def _straight_sides(flags: Flags) -> int:
    """Return how many sides of its bounding rectangle an area lies against with most of their length."""
    (place,) = ndimage.find_objects(flags.astype(np.int8))
    part = flags[place]
    sides = (part[:2].any(axis=0), part[-2:].any(axis=0), part[:, :2].any(axis=1), part[:, -2:].any(axis=1))
    return sum(bool(side.mean() >= _RECTANGLE) for side in sides)


def _sharpness(area: _Area, pixels: _Pixels) -> float:
    """Return on which share of its outline an area's colour ends at once."""
    near = _grown(_grown(area.flags))
    beyond = _grown(near) & ~near
    if not beyond.any():
        return 1.0
    return float((_away(pixels.values[:, beyond], area.colour) >= _JUMP).mean())


def _grown(flags: Flags) -> Flags:
    """Return the flags with their eight neighbours."""
    tall = flags.copy()
    tall[1:] |= flags[:-1]
    tall[:-1] |= flags[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide
