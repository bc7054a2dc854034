"""The camera: what it does to a finished scene. Images are float32 [H, W, 3] in 0..1."""

import numpy as np
from numpy.typing import NDArray

from mcdrl.base.fields import Array, gaussian, luminance, pixel_grid, rgb
from mcdrl.renderer.style import Camera


def aperture_mask(camera: Camera, size_px: int) -> Array:
    """Share [H, W] in 0..1 of a pixel that the optics light; black corners are 0."""
    x, y = pixel_grid(size_px)
    if camera.aperture == "none":
        return np.ones_like(x)
    radius = np.hypot(x, y) / 1.06
    if camera.aperture == "octagon":
        radius = np.maximum(np.maximum(np.abs(x), np.abs(y)) / 1.01, (np.abs(x) + np.abs(y)) / 1.55)
    return np.asarray(np.clip((1 - radius) * size_px / 3 + 0.5, 0, 1), dtype=np.float32)


def expose(image: Array, camera: Camera) -> Array:
    """Automatic exposure: the bright parts come to `camera.exposure`, highlights roll off softly."""
    level = float(np.percentile(luminance(image[::4, ::4]), 85))
    scaled = image * (camera.exposure / max(level, 1e-3))
    knee = 0.75
    over = np.clip(scaled - knee, 0, None)
    return np.asarray(np.minimum(scaled, knee) + over / (1 + over / 0.3), dtype=np.float32)


def respond(image: Array, camera: Camera) -> Array:
    """Vignetting, white balance, saturation and gamma."""
    size_px = image.shape[0]
    x, y = pixel_grid(size_px)
    falloff = 1 - camera.vignetting * np.clip(np.hypot(x, y) - 0.35, 0, 2) ** 1.5
    light = np.clip(falloff, 0.05, 1)[..., None] * rgb(camera.gain)
    lit = np.asarray(image * light, dtype=np.float32)
    grey = luminance(lit)[..., None]
    coloured = grey + (lit - grey) * camera.saturation
    return np.asarray(np.clip(coloured, 0, 1) ** camera.gamma, dtype=np.float32)


def sense(image: Array, camera: Camera, rng: np.random.Generator) -> Array:
    """Optical softness, then sensor noise: fine and, weaker, in coloured clumps."""
    size_px = image.shape[0]
    soft = gaussian(image, camera.softness_px * size_px / 224)
    fine = rng.standard_normal(image.shape, dtype=np.float32)
    clumps = np.roll(fine, 1, 0) + np.roll(fine, 1, 1) + np.roll(fine, (1, 1), (0, 1))
    brightness = 0.5 + luminance(soft)[..., None]
    noisy = soft + camera.noise * brightness * (0.8 * fine.mean(-1, keepdims=True) + 0.35 * clumps)
    return np.asarray(np.clip(noisy, 0, 1), dtype=np.float32)


def frame_out(image: Array, camera: Camera) -> NDArray[np.uint8]:
    """Blacken what lies outside the aperture and quantise to uint8."""
    lit = image * aperture_mask(camera, image.shape[0])[..., None]
    return np.asarray(np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8)
