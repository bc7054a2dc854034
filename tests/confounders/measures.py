"""What each confounder does to a frame, measured without a look at its operator. Images are float [S, S, 3] in 0..1."""

import numpy as np
from scipy import ndimage


def sharpness(image):
    return float(ndimage.laplace(image.mean(-1)).var())


def block_steps(image):
    """Step across the borders of 8 x 8 blocks over the step elsewhere."""
    step = np.abs(np.diff(image.mean(-1), axis=1)).mean(0)
    border = np.arange(step.size) % 8 == 7
    return float(step[border].mean() / step[~border].mean())


def brightness(image):
    return float(image.mean())


def saturated(image):
    return float((image.min(-1) > 0.97).mean())


def side_gradient(image):
    """Slope of the plane that fits the brightness best, over the mean brightness."""
    grey = image.mean(-1)
    y, x = np.mgrid[-1 : 1 : grey.shape[0] * 1j, -1 : 1 : grey.shape[1] * 1j]
    terms = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], axis=1)
    slope = np.linalg.lstsq(terms, grey.ravel(), rcond=None)[0]
    return float(np.hypot(slope[0], slope[1]) / grey.mean())


def red_share(image):
    return float(image[..., 0].mean() - image[..., 1:].mean())


def colourfulness(image):
    return float((image.max(-1) - image.min(-1)).mean())


def dark_red(image):
    red, rest = image[..., 0], image[..., 1:].max(-1)
    return float(((red > 0.15) & (rest < 0.3 * red)).mean())


def yellowish(image):
    """Share of pixels whose green is close to their red, unlike anywhere in mucosa."""
    return float((image[..., 1] > 0.72 * image[..., 0]).mean())


MEASURES = {
    "blur": (sharpness, -1),
    "artifacts": (block_steps, 1),
    "bright": (brightness, 1),
    "dark": (brightness, -1),
    "uneven": (side_gradient, 1),
    "narrow_band_imaging": (red_share, -1),
    "white_light": (colourfulness, -1),
    "mucus": (yellowish, 1),
    "blood": (dark_red, 1),
    "reflection": (saturated, 1),
}
"""Operator -> the measure, and whether it rises (1) or falls (-1) with strength."""
