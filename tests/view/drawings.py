"""Drawn frames whose view is known exactly."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from mcdrl.view import Kind


def tissue(width, height, seed=0, light=1.0):
    """Reddish, with folds, vessels, grain and glare, [height, width, 3] uint8."""
    rng = np.random.default_rng(seed)
    folds = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), max(width, height) / 12)
    fine = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 1.5)
    shade = 1 + 0.3 * folds / folds.std() + 0.08 * fine / fine.std()
    pixels = light * shade[..., None] * np.array([170.0, 95.0, 75.0]) + rng.normal(0, 2, (height, width, 3))
    pixels[ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 3) > 0.35] = 255
    return pixels.round().clip(0, 255).astype(np.uint8)


def stencil(kind, width, height):
    """Where a view of a kind is in its box, [height, width] bool."""
    picture = Image.new("1", (width, height))
    draw, right, bottom = ImageDraw.Draw(picture), width - 1, height - 1
    x, y = width // 5, height // 5
    if kind is Kind.CIRCLE:
        draw.ellipse((0, 0, right, bottom), fill=1)
    elif kind is Kind.OCTAGON:
        low, high = bottom - y, right - x
        draw.polygon(
            [(x, 0), (high, 0), (right, y), (right, low), (high, bottom), (x, bottom), (0, low), (0, y)], fill=1
        )
    else:
        draw.rectangle((0, 0, right, bottom), fill=1)
    return np.asarray(picture)


def screen(kind, box, size=(640, 480), ground=(0, 0, 0), seed=0, light=1.0):
    """A view of a kind on a ground of one colour, [H, W, 3] uint8."""
    left, top, right, bottom = box
    frame = np.full((size[1], size[0], 3), ground, np.uint8)
    inside = stencil(kind, right - left, bottom - top)
    frame[top:bottom, left:right][inside] = tissue(right - left, bottom - top, seed, light)[inside]
    return frame


def written(frame, at, lines, colour=(230, 230, 230), size=14):
    """The frame with lines of text."""
    picture = Image.fromarray(frame)
    for number, line in enumerate(lines):
        place = (at[0], at[1] + number * size * 3 // 2)
        ImageDraw.Draw(picture).text(place, line, fill=colour, font=ImageFont.load_default(size))
    return np.asarray(picture).copy()


def filled(frame, box, colour):
    """The frame with a rectangle of one colour."""
    result = frame.copy()
    result[box[1] : box[3], box[0] : box[2]] = colour
    return result


def sloping(colour, slope, size=(640, 480)):
    """A ground whose colour changes evenly by shares of it along x and y, [H, W, 3] uint8."""
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, size[0]), np.linspace(-0.5, 0.5, size[1]))
    return ((1 + slope[0] * x + slope[1] * y)[..., None] * colour).clip(0, 255).astype(np.uint8)


def as_jpeg(frame, quality=85):
    """The frame as a JPEG shows it."""
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))
