"""Smooth random fields and small array helpers. Images are float32 [H, W] or [H, W, 3]."""

from functools import lru_cache

import numpy as np
import scipy  # its parts load where they are used: the check of params.yaml comes by here
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]

_SPLINE_STD = 0.479  # of a bicubic B-spline surface over unit white noise


def smoothstep(x: Array, low: float, high: float) -> Array:
    """Cubic ramp: 0 where x <= low, 1 where x >= high."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def rgb(values: ArrayLike) -> Array:
    """Three numbers as a float32 colour [3]."""
    return np.asarray(values, dtype=np.float32)


def luminance(image: Array) -> Array:
    """Rec. 601 luma [H, W] of an image [H, W, 3] in 0..1."""
    return mixed(image, rgb([0.299, 0.587, 0.114]))


def mixed(image: Array, weights: Array) -> Array:
    """Weighted sum [H, W] of the channels of an image [H, W, 3], free of BLAS."""
    total = weights[0] * image[..., 0] + weights[1] * image[..., 1] + weights[2] * image[..., 2]
    return np.asarray(total, dtype=np.float32)


@lru_cache(maxsize=8)
def pixel_grid(size_px: int) -> tuple[Array, Array]:
    """Pixel centres in -1..1: x to the right, y downwards, both [H, W]."""
    axis = ((np.arange(size_px) + 0.5) / size_px * 2.0 - 1.0).astype(np.float32)
    x, y = np.meshgrid(axis, axis)
    return x, y


@lru_cache(maxsize=256)
def _spline_taps(size: int, cells: int, periodic: bool) -> tuple[NDArray[np.intp], Array]:
    """Control indices [4, size] and cubic B-spline weights [4, size] of one axis."""
    position = (np.arange(size) + 0.5) / size * cells
    first = np.floor(position).astype(np.intp)
    t = position - first
    weights = np.stack(
        [
            (1 - t) ** 3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
            t**3 / 6,
        ]
    )
    index = first + np.arange(4)[:, None]
    return (index % cells if periodic else index), weights.astype(np.float32)


def smooth_field(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cells: tuple[int, int],
    periodic: bool = False,
) -> Array:
    """Smooth noise [shape], mean 0 and standard deviation about 1.

    A bicubic B-spline over white noise with `cells` control cells along the two axes, evaluated
    by four weighted gathers an axis: no BLAS, so the bytes do not depend on threads. A periodic
    field wraps around on both axes.
    """
    extra = 0 if periodic else 3
    control = rng.standard_normal((cells[0] + extra, cells[1] + extra)).astype(np.float32)
    rows, row_weights = _spline_taps(shape[0], cells[0], periodic)
    columns, column_weights = _spline_taps(shape[1], cells[1], periodic)
    half = sum(row_weights[k][:, None] * control[rows[k]] for k in range(4))
    full = sum(column_weights[k][None, :] * np.take(half, columns[k], axis=1) for k in range(4))
    return np.asarray(full / _SPLINE_STD, dtype=np.float32)


def noise(rng: np.random.Generator, size_px: int, cells: int) -> Array:
    """Square smooth noise [size_px, size_px] with `cells` control cells a side."""
    count = max(1, min(cells, size_px))
    return smooth_field(rng, (size_px, size_px), (count, count))


def fractal(rng: np.random.Generator, size_px: int, cells: int, octaves: int = 3) -> Array:
    """Sum of smooth noises with doubling frequency and halving weight, std about 1."""
    layers = [noise(rng, size_px, cells * 2**k) * 0.5**k for k in range(octaves)]
    scale = np.sqrt(sum(0.25**k for k in range(octaves)))
    return np.asarray(sum(layers) / scale, dtype=np.float32)


def gaussian(image: Array, sigma_px: float) -> Array:
    """Gaussian blur of [H, W] or, channel by channel, of [H, W, 3]."""
    if sigma_px <= 0:
        return image
    sigmas = (sigma_px, sigma_px) + (0.0,) * (image.ndim - 2)
    blurred = scipy.ndimage.gaussian_filter(image, sigmas, truncate=2.5, mode="nearest")
    return np.asarray(blurred, dtype=np.float32)


def padded(table: Array) -> Array:
    """A periodic table [U, V, ...] with its first row and column repeated at the end."""
    rows = np.concatenate([table, table[:1]], axis=0)
    return np.ascontiguousarray(np.concatenate([rows, rows[:, :1]], axis=1))


def sample_table(table: Array, u: Array, v: Array) -> Array:
    """Bilinear look-up in a table [U, V] or [U, V, C] at positions u, v [N] in cells.

    Positions are clamped to 0..U-1 and 0..V-1: wrap them before, and pad the table.
    """
    rows, columns = table.shape[:2]
    u, v = np.clip(u, 0, rows - 1.001), np.clip(v, 0, columns - 1.001)
    i, j = u.astype(np.intp), v.astype(np.intp)
    fu, fv = u - np.floor(u), v - np.floor(v)
    at = i * columns + j
    flat = table.reshape(rows * columns, -1) if table.ndim == 3 else table.ravel()
    if table.ndim == 3:
        fu, fv = fu[:, None], fv[:, None]
    top = flat.take(at, axis=0)
    top = top + (flat.take(at + 1, axis=0) - top) * fv
    at += columns
    bottom = flat.take(at, axis=0)
    bottom = bottom + (flat.take(at + 1, axis=0) - bottom) * fv
    return np.asarray(top + (bottom - top) * fu, dtype=np.float32)
