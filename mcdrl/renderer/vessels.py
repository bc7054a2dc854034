"""Branching submucosal vessels on the unrolled wall: random trees drawn as soft lines."""

import numpy as np
from scipy import ndimage

from mcdrl.base.fields import Array

_STEP = 0.7


def vessel_map(rng: np.random.Generator, shape: tuple[int, int], trees: int, calibre: float) -> Array:
    """Vessel darkness [shape] in 0..1, wrapping around on both axes.

    `trees` stems start anywhere and branch four times; `calibre` scales their width in texels.
    """
    levels = 4
    canvas = np.zeros((levels, *shape), dtype=np.float32)
    stems = rng.random((trees, 2), dtype=np.float32) * np.array(shape, dtype=np.float32)
    headings = rng.random(trees, dtype=np.float32) * np.float32(2 * np.pi)
    length = 0.22 * min(shape)
    for level in range(levels):
        stems, headings = _grow(rng, canvas[level], stems, headings, length)
        length *= 0.72
    layers = [_thicken(canvas[k], calibre * (1.45 - 0.32 * k)) for k in range(levels)]
    return np.asarray(np.clip(np.max(layers, axis=0), 0, 1), dtype=np.float32)


def _grow(
    rng: np.random.Generator, canvas: Array, starts: Array, headings: Array, length: float
) -> tuple[Array, Array]:
    """Draw one generation of branches; return the starts and headings of the next one."""
    count, steps = len(starts), max(4, int(length * rng.uniform(0.8, 1.2) / _STEP))
    wander = np.cumsum(rng.normal(0, 0.09, (count, steps)), axis=1)
    sway = 0.5 * np.sin(np.linspace(0, 5, steps) + rng.uniform(0, 6.28, (count, 1)))
    heading = headings[:, None] + wander + sway
    rows = starts[:, :1] + np.cumsum(np.sin(heading) * _STEP, axis=1)
    columns = starts[:, 1:] + np.cumsum(np.cos(heading) * _STEP, axis=1)
    i, j = rows.astype(np.intp) % canvas.shape[0], columns.astype(np.intp) % canvas.shape[1]
    canvas[i, j] = 1.0
    fork = rng.uniform(0.25, 0.75, (count, 2))
    ends, directions = [], []
    for side, sign in ((0, 1.0), (1, -1.0)):
        at = np.maximum((fork[:, side] * steps).astype(np.intp), 1)
        at = np.where(np.arange(count) % 2 == side, steps - 1, at)
        row = np.arange(count)
        ends.append(np.stack([rows[row, at], columns[row, at]], axis=1))
        directions.append(heading[row, at] + sign * rng.uniform(0.35, 0.95, count))
    starts, headings = np.concatenate(ends), np.concatenate(directions)
    return starts.astype(np.float32), headings.astype(np.float32)


def _thicken(lines: Array, sigma: float) -> Array:
    """Lines one texel wide as soft bands, about 1 in the middle."""
    soft = ndimage.gaussian_filter(lines, sigma, mode="wrap", truncate=2.5)
    return np.asarray(np.clip(soft * sigma * 2.2, 0, 1), dtype=np.float32)
