"""Near and far view of a finished frame: the picture is resampled, and the mask with it.

The phantom moves its camera. In a frame whose depth nobody knows that can't be done, so these are honest stand-ins:
`near_view` magnifies a part around the lesion, without the detail that a nearer camera would add, and lets the light
fall on its middle; `far_view` shrinks the whole frame and dims it, and what then comes into view around it is made up
of the wall's own colours and grain, never of a second copy of the lesion.
"""

from __future__ import annotations

import numpy as np
import scipy  # its parts load where they are used: the check of params.yaml comes by here
from numpy.typing import NDArray

from mcdrl.base.fields import Array, fractal, gaussian, pixel_grid
from mcdrl.confounders.confounder import Bools, Masks

_NEAREST, _SPOT = 0.5, 0.35  # at full strength: side of the magnified part as a share of the frame, gain in its middle
_FARTHEST, _DIM = 1.8, 0.25  # at full strength: how many times the frame is shrunk, loss of light


def near_view(
    image: Array, masks: Masks, _field: Bools, strength: float, _rng: np.random.Generator
) -> tuple[Array, Masks]:
    """Magnify the part around the lesion, up to twice.

    Args:
        image: [S, S, 3] float32, 0..1, without a border.
        masks: lesion and what nobody judged.
        _field: [S, S] bool, the part of the frame that the optics show.
        strength: 0..1.
        _rng: not used.

    Returns:
        Picture and masks of the same shapes.
    """
    size_px = image.shape[0]
    side = 1 - (1 - _NEAREST) * strength
    rows, columns = _window(masks[0], side)
    x, y = pixel_grid(size_px)
    spot = 1 + strength * _SPOT * (0.5 - (x**2 + y**2) / 2)
    seen = _sampled(image, rows, columns)
    return np.asarray(np.clip(seen * spot[..., None], 0, 1), np.float32), _moved(masks, rows, columns)


def far_view(
    image: Array, masks: Masks, field: Bools, strength: float, rng: np.random.Generator
) -> tuple[Array, Masks]:
    """Shrink the frame, by up to 1.8 times.

    Args:
        image: [S, S, 3] float32, 0..1, without a border.
        masks: lesion and what nobody judged.
        field: [S, S] bool, the part of the frame that the optics show.
        strength: 0..1.
        rng: of the grain beyond the frame.

    Returns:
        Picture and masks of the same shapes.
    """
    size_px = image.shape[0]
    times = 1 + (_FARTHEST - 1) * strength
    pad = int(np.ceil((times - 1) / 2 * size_px)) + 1
    around = ((pad, pad), (pad, pad))
    centres = (np.arange(size_px) + 0.5 - size_px / 2) * times + size_px / 2 - 0.5 + pad
    wide = gaussian(_surrounded(image, field, masks[0], pad, rng), 0.4 * (times - 1))
    seen = _sampled(wide, centres, centres) * (1 - _DIM * strength)
    lesion, ignored = (np.pad(mask, around) for mask in masks)
    return np.asarray(seen, np.float32), _moved((lesion, ignored), centres, centres)


def _moved(masks: Masks, rows: Array, columns: Array) -> Masks:
    lesion, ignored = (_sampled(mask, rows, columns) > 0.5 for mask in masks)
    return lesion, ignored


def _window(mask: Bools, side: float) -> tuple[Array, Array]:
    """Return rows and columns, [S] each, of the part of the frame around the largest lesion that is to be magnified."""
    size_px = mask.shape[0]
    parts, count = scipy.ndimage.label(mask)
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:])) if count else 0
    centre = scipy.ndimage.center_of_mass(parts == largest) if count else (size_px / 2 - 0.5,) * 2
    half = side * size_px / 2
    middle = np.clip(np.asarray(centre) + 0.5, half, size_px - half)
    steps = ((np.arange(size_px) + 0.5) / size_px - 0.5) * side * size_px
    rows, columns = (np.asarray(place + steps - 0.5, np.float32) for place in middle)
    return rows, columns


def _sampled(values: NDArray[np.generic], rows: NDArray[np.floating], columns: NDArray[np.floating]) -> Array:
    """Return values [H, W] or [H, W, C] at all pairs of rows and columns (pixel centres are whole numbers)."""
    planes = np.atleast_3d(values.astype(np.float32))
    where = np.meshgrid(rows, columns, indexing="ij")
    channels = np.moveaxis(planes, 2, 0)
    found = [scipy.ndimage.map_coordinates(plane, where, order=1, mode="nearest") for plane in channels]
    return np.asarray(np.stack(found, axis=-1).reshape(len(rows), len(columns), *values.shape[2:]), np.float32)


def _surrounded(image: Array, field: Bools, mask: Bools, pad: int, rng: np.random.Generator) -> Array:
    """Return the frame with `pad` px more a side, the wall's colours and grain where the optics showed nothing."""
    unit = image.shape[0] / 224
    around = ((pad, pad), (pad, pad), (0, 0))
    wall = field & ~mask
    fine = image - gaussian(image, 2 * unit)
    grain = np.quantile(np.abs(fine[wall]), 0.68) if wall.any() else 0.0  # glare is beyond this quantile
    texture = grain * fractal(rng, image.shape[0] + 2 * pad, round(0.3 * (image.shape[0] + 2 * pad) / unit), 2)
    made_up = _spread(np.pad(image, around), np.pad(wall, pad)) + texture[..., None]
    seam = np.exp(-scipy.ndimage.distance_transform_edt(~np.pad(field, pad)) / (5 * unit))[..., None]
    return np.asarray(made_up + (np.pad(image, around, mode="edge") - made_up) * seam, np.float32)


def _spread(image: Array, known: Bools) -> Array:
    """Return the colours of the known places [H, W] spread over all others, the nearer the more alike."""
    height, width = known.shape
    step = max(1, height // 64)
    coarse = np.where(known[..., None], image, 0)[::step, ::step]
    weight = known[::step, ::step, None].astype(np.float32)
    total, share = np.zeros_like(coarse), np.full_like(weight, 1e-12)
    for level, sigma in enumerate((2.0, 4.0, 8.0, 16.0, 32.0)):
        total += gaussian(coarse, sigma) * 0.03**level
        share += gaussian(weight, sigma) * 0.03**level
    smooth = total / share
    places = [np.arange(size) / step for size in (height, width)]
    return _sampled(smooth, places[0], places[1])
