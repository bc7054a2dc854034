"""Confounders as physical operators on a finished frame, which leave everything in its place.

Every operator takes an image float32 [H, W, 3] in 0..1, a strength above 0 up to 1, a
generator and, where it lies in a place, a weight map [H, W] that says where it may lie.
"""

import numpy as np
import scipy  # its parts load where they are used: the check of params.yaml comes by here

from mcdrl.base.fields import (
    Array,
    fractal,
    gaussian,
    luminance,
    mixed,
    noise,
    pixel_grid,
    rgb,
    smoothstep,
)

_NBI = rgb([[0.02, 0.80, 0.06], [0.02, 0.66, 0.42], [0.02, 0.52, 0.52]])
_BLOOD_THIN, _BLOOD_THICK = rgb([0.66, 0.07, 0.05]), rgb([0.26, 0.012, 0.016])
_MUCUS, _FOAM = rgb([0.90, 0.80, 0.56]), rgb([0.95, 0.94, 0.86])


def blur(image: Array, strength: float, rng: np.random.Generator, _where: Array | None) -> Array:
    """Motion along a random direction, plus some loss of focus."""
    size_px = image.shape[0]
    turn, length_px = rng.uniform(0, np.pi), 13.0 * strength * size_px / 224
    steps = max(2, int(length_px))
    reach = np.linspace(-0.5, 0.5, steps) * length_px
    pad = int(length_px) + 1
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    total = np.zeros_like(image)
    for offset in reach:
        i, j = round(offset * np.sin(turn)) + pad, round(offset * np.cos(turn)) + pad
        total += padded[i : i + size_px, j : j + image.shape[1]]
    return gaussian(np.asarray(total / steps, np.float32), (0.4 + 1.5 * strength) * size_px / 224)


def artifacts(image: Array, strength: float, _rng: np.random.Generator, _where: Array | None) -> Array:
    """Interlacing comb of a moving scene, then coarse block compression (8 x 8 DCT)."""
    combed = image.copy()
    shift = max(1, round((1 + 4 * strength) * image.shape[0] / 224))
    combed[1::2] = np.roll(image[1::2], shift, axis=1)
    combed[1::2, :shift] = image[1::2, :shift]
    woven = image + (combed - image) * np.float32(0.35 + 0.5 * strength)
    return _compress(woven, 0.02 + 0.11 * strength)


def _compress(image: Array, step: float) -> Array:
    """Quantise the DCT of 8 x 8 blocks; the step grows with frequency, and more so for colour."""
    height, width = image.shape[0] // 8 * 8, image.shape[1] // 8 * 8
    grey = luminance(image)[..., None]
    planes = np.concatenate([grey, image[..., :1] - grey, image[..., 2:] - grey], axis=-1)
    blocks = planes[:height, :width].reshape(height // 8, 8, width // 8, 8, 3)
    spectrum = scipy.fft.dctn(blocks, axes=(1, 3), norm="ortho")
    frequency = (np.arange(8)[:, None] + np.arange(8)[None, :]).reshape(1, 8, 1, 8, 1)
    quantum = step * (1 + 0.7 * frequency) * np.array([1.0, 2.5, 2.5])
    restored = scipy.fft.idctn(np.round(spectrum / quantum) * quantum, axes=(1, 3), norm="ortho")
    planes[:height, :width] = restored.reshape(height, width, 3)
    red, blue = planes[..., 0] + planes[..., 1], planes[..., 0] + planes[..., 2]
    green = (planes[..., 0] - 0.299 * red - 0.114 * blue) / 0.587
    return np.asarray(np.stack([red, green, blue], axis=-1), dtype=np.float32)


def bright(image: Array, strength: float, _rng: np.random.Generator, _where: Array | None) -> Array:
    """Over-exposure: gain and veiling glare, so that near surfaces burn out."""
    return np.asarray(image * (1 + 0.9 * strength) + 0.06 * strength, dtype=np.float32)


def dark(image: Array, strength: float, _rng: np.random.Generator, _where: Array | None) -> Array:
    """Under-exposure, with the shadows crushed a little."""
    dimmed = image * (1 - 0.72 * strength)
    return np.asarray(np.clip(dimmed - 0.015 * strength, 0, 1), dtype=np.float32)


def uneven(image: Array, strength: float, rng: np.random.Generator, _where: Array | None) -> Array:
    """Light from one side only: a smooth gradient across the frame."""
    x, y = pixel_grid(image.shape[0])
    turn = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(turn) + y * np.sin(turn)
    light = np.clip(1 + 1.05 * strength * along, 0.06, 1.75)
    return np.asarray(image * light[..., None], dtype=np.float32)


def narrow_band_imaging(image: Array, strength: float, _rng: np.random.Generator, _where: Array | None) -> Array:
    """Blue and green light only: tissue turns teal to brownish, vessels dark brown."""
    green, blue = image[..., 1], image[..., 2]
    # Haemoglobin drinks narrow-band light: what is red of blood and vessels turns dark.
    uptake = np.clip(image[..., 0] - 1.15 * green, 0, 1)
    banded = np.stack([mixed(image, row) for row in _NBI], axis=-1) * rgb([1.04, 1.16, 1.02])
    banded = np.asarray(banded * (1 - 0.25 * uptake[..., None]), dtype=np.float32)
    level = luminance(image).mean() / max(float(luminance(banded).mean()), 1e-3)
    share = 0.45 + 0.55 * strength
    detail = np.minimum(green, blue) - gaussian(np.minimum(green, blue), 4.0)
    shown = banded * min(level, 1.35) + 0.5 * detail[..., None]
    return np.asarray(image + (shown - image) * share, dtype=np.float32)


def white_light(image: Array, strength: float, _rng: np.random.Generator, _where: Array | None) -> Array:
    """Cold xenon white light: washed-out colours, a blueish white balance, a lifted floor."""
    grey = luminance(image)[..., None]
    pale = image + (grey - image) * (0.12 + 0.33 * strength)
    cold = pale * (1 + strength * rgb([0.0, 0.10, 0.18])) + 0.03 * strength
    return np.asarray(cold, dtype=np.float32)


def mucus(image: Array, strength: float, rng: np.random.Generator, where: Array | None) -> Array:
    """Yellowish film with thick strands and bubbles, lit like the wall below it."""
    size_px = image.shape[0]
    thickness = fractal(rng, size_px, 5, octaves=4) + _pull(where)
    film = smoothstep(thickness, 0.95 - 1.1 * strength, 2.4 - 1.1 * strength)
    strand = np.exp(-(((noise(rng, size_px, 7) + 0.3 * noise(rng, size_px, 21)) / 0.10) ** 2))
    strand = strand * smoothstep(thickness, 0.3 - strength, 1.4 - strength)
    body = np.asarray(np.clip(film + 0.45 * strand, 0, 1), dtype=np.float32)
    relief = _emboss(gaussian(body, 1.0), 4.0) + 0.05 * noise(rng, size_px, 40)
    light = _local_light(image)[..., None]
    colour = (_MUCUS + (_FOAM - _MUCUS) * strand[..., None]) * (light * (1 + relief[..., None]))
    alpha = body * (0.42 + 0.40 * strength)
    covered = image + (colour - image) * alpha[..., None]
    return _bubbles(covered, film, light, strength, rng)


def _bubbles(image: Array, film: Array, light: Array, strength: float, rng: np.random.Generator) -> Array:
    """Small rings with a glint, sitting in the film."""
    x, y = pixel_grid(image.shape[0])
    ring, glint = np.zeros_like(x), np.zeros_like(x)
    for cx, cy in _places(rng, film + 1e-6, int(14 * strength)):
        radius = rng.uniform(0.018, 0.05)
        box = _window(cx, cy, 2 * radius, image.shape[0])
        out = np.hypot(x[box] - cx, y[box] - cy) / radius
        ring[box] = np.maximum(ring[box], np.exp(-(((out - 0.85) / 0.2) ** 2)))
        spot = np.hypot(x[box] - cx + 0.35 * radius, y[box] - cy + 0.35 * radius) / radius
        glint[box] = np.maximum(glint[box], np.exp(-((spot / 0.22) ** 2)))
    lit = image + (0.95 * light - image) * (0.45 * ring)[..., None]
    return np.asarray(lit + (1.1 * light - lit) * (0.8 * glint)[..., None], dtype=np.float32)


def blood(image: Array, strength: float, rng: np.random.Generator, where: Array | None) -> Array:
    """Fresh and clotted blood: pools that run downwards, bright where thin, nearly black where thick."""
    size_px = image.shape[0]
    x, y = pixel_grid(size_px)
    ragged = 0.38 * fractal(rng, size_px, 9, octaves=3)
    depth = np.full_like(x, -2.0)
    for cx, cy in _places(rng, _weights(image, where), 1 + round(3 * strength)):
        radius = rng.uniform(0.10, 0.15 + 0.20 * strength)
        run = np.where(y > cy, rng.uniform(0.35, 0.8), rng.uniform(0.9, 1.3))
        out = np.hypot((x - cx) * rng.uniform(0.9, 1.5), (y - cy) * run) / radius
        depth = np.maximum(depth, 1.0 - out)
    depth = depth + ragged
    alpha = smoothstep(depth, -0.05, 0.22) * (0.72 + 0.24 * strength)
    thick = smoothstep(depth + 0.25 * ragged, 0.15, 0.95)[..., None]
    wet = _emboss(gaussian(depth, 1.5), 1.2)[..., None]
    light = _local_light(image)[..., None]
    colour = (_BLOOD_THIN + (_BLOOD_THICK - _BLOOD_THIN) * thick) * light * 1.25 * (1 + 0.8 * wet)
    colour = colour + 0.35 * light * np.clip(wet - 0.32, 0, 1)
    return np.asarray(image + (colour - image) * alpha[..., None], dtype=np.float32)


def reflection(image: Array, strength: float, rng: np.random.Generator, where: Array | None) -> Array:
    """Specular glare on wet mucosa: burnt-out spots, each with a small one beside it, and a faint bloom."""
    size_px = image.shape[0]
    energy = np.zeros((size_px, size_px), dtype=np.float32)
    for cx, cy in _places(rng, _weights(image, where), 3 + round(7 * strength)):
        radius, turn = rng.uniform(0.014, 0.024 + 0.03 * strength), rng.uniform(0, np.pi)
        _add_spot(energy, cx, cy, radius, turn, rng.uniform(1.0, 3.2))
        dx, dy = rng.normal(0, 2.2 * radius, 2)
        _add_spot(energy, cx + dx, cy + dy, 0.4 * radius, turn, 1.4)
    ragged = 1 + 0.3 * noise(rng, size_px, 26) + 0.2 * noise(rng, size_px, 60)
    spot = smoothstep(energy * np.clip(ragged, 0.1, 3), 0.24, 0.6)
    bloom = gaussian(spot, 3.5 * size_px / 224)
    alpha = np.clip(spot + 0.35 * bloom, 0, 1)[..., None]
    return np.asarray(image + (rgb([1.06, 1.06, 1.04]) - image) * alpha, dtype=np.float32)


def _add_spot(energy: Array, cx: float, cy: float, radius: float, turn: float, stretch: float) -> None:
    """Add one elongated Gaussian spot at (cx, cy) in -1..1 to the map [H, W]."""
    x, y = pixel_grid(energy.shape[0])
    box = _window(cx, cy, 3 * radius * stretch, energy.shape[0])
    dx, dy = x[box] - cx, y[box] - cy
    along = (dx * np.cos(turn) + dy * np.sin(turn)) / stretch
    across = -dx * np.sin(turn) + dy * np.cos(turn)
    energy[box] += np.exp(-(along**2 + across**2) / radius**2)


def _local_light(image: Array) -> Array:
    """Illumination [H, W] that reaches the surface, about 1 in a well-lit frame."""
    spread = gaussian(luminance(image), 6.0 * image.shape[0] / 224)
    return np.asarray(np.clip(spread * 1.7, 0, 1.15), dtype=np.float32)


def _emboss(height: Array, strength: float) -> Array:
    """Relief shading [H, W] of a height map lit from the upper left, clipped to -0.5..0.8."""
    scale = strength * height.shape[0] / 224
    rise = np.gradient(height, axis=0) + np.gradient(height, axis=1)
    return np.asarray(np.clip(rise * scale, -0.5, 0.8), dtype=np.float32)


def _pull(where: Array | None) -> Array | float:
    """Offset of a noise field that draws a film towards the weighted places."""
    if where is None or float(where.max()) <= 0:
        return 0.0
    return np.asarray(1.6 * (gaussian(where / where.max(), 4.0) - 0.5), dtype=np.float32)


def _weights(image: Array, where: Array | None) -> Array:
    """Place weights [H, W]: lit places only, times what was asked for."""
    lit = np.clip(luminance(image) - 0.03, 0, 0.5)
    chosen = lit if where is None else (lit + 0.02) * where
    return np.asarray(chosen if float(chosen.sum()) > 0 else np.ones_like(lit), dtype=np.float32)


def _places(rng: np.random.Generator, weights: Array, count: int) -> list[tuple[float, float]]:
    """Random points (x, y) in -1..1, drawn in proportion to the weights [H, W]."""
    total = np.cumsum(weights.ravel(), dtype=np.float64)
    picks = np.searchsorted(total, rng.uniform(0, total[-1], count))
    rows, columns = np.divmod(np.minimum(picks, total.size - 1), weights.shape[1])
    x, y = pixel_grid(weights.shape[0])
    return [(float(x[i, j]), float(y[i, j])) for i, j in zip(rows, columns, strict=True)]


def _window(cx: float, cy: float, reach: float, size_px: int) -> tuple[slice, slice]:
    """Slices of the rows and columns within `reach` of a point in -1..1."""
    rows = [(v + 1) / 2 * size_px for v in (cy - reach, cy + reach)]
    columns = [(v + 1) / 2 * size_px for v in (cx - reach, cx + reach)]
    i, j = ([max(0, int(a)), min(size_px, int(b) + 1)] for a, b in (rows, columns))
    return slice(*i), slice(*j)
