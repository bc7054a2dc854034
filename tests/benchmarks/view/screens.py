"""Screens as processors and recorders export them, made from pictures of tissue, with the view's true box.

A style is a way of laying out a screen; each draws its sizes, colours and what else is on it from a seeded generator.
Styles are split: the finder may be tuned on `TUNE`, `TEST` is for judging it. Failures of `TEST` got a style in `TUNE`
when they were seen: of the first nine while the finder was made (white grounds, grey tissue), of grounds that fade and
panels with a pattern later. Nothing was tuned on those of bright_panels, thumbnails, letterboxed, dim_circle and
between_tiles. No layout copies a maker's own.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Box = tuple[int, int, int, int]
Colour = tuple[int, int, int]
Array = np.ndarray[Any, np.dtype[Any]]
SIZES = ((448, 252), (448, 336), (640, 480), (720, 576), (960, 540), (1024, 768), (1280, 720), (320, 240))
VISIBLE = 12  # of 255: what white is brighter than black at least, where tissue counts as shown


@dataclass
class Canvas:
    """A screen in the making."""

    rng: np.random.Generator
    tissue: Image.Image
    size: tuple[int, int]
    picture: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        self.picture = Image.new("RGB", self.size)

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.picture)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def fill(self, colour: Colour, box: Box | None = None) -> None:
        self.picture.paste(colour, box or (0, 0, *self.size))

    def view(self, box: Box, kind: str, tissue: Image.Image | None = None) -> Box:
        """Paste tissue as a view; return the part of its box that lies in the frame."""
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        picture = (tissue or self.tissue).resize((width, height), Image.Resampling.BICUBIC)
        self.picture.paste(picture, (left, top), _stencil(self.rng, kind, width, height))
        return max(0, left), max(0, top), min(self.size[0], right), min(self.size[1], bottom)

    def text(self, box: Box, lines: int, colour: Colour = (220, 220, 220), size: float = 0.028) -> None:
        """Write lines of letters and digits into a box."""
        height = max(7, round(size * self.size[1]))
        font = ImageFont.load_default(height)
        for number in range(lines):
            word = "".join(self.rng.choice(list("ABCDEHKLMNRST0123456789:/. "), int(self.rng.integers(4, 16))))
            at = (box[0], box[1] + number * round(1.4 * height))
            if at[1] + height < box[3]:
                self.draw.text(at, word, fill=colour, font=font)

    def colon(self, box: Box, colour: Colour) -> None:
        """Draw a position map: a coloured box with a bent line, a tick and a digit."""
        self.draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=colour)
        steps = np.linspace(0, 1, 30)
        bend = self.between(2, 6)
        x = box[0] + (0.2 + 0.6 * steps) * (box[2] - box[0])
        y = box[1] + (0.55 + 0.3 * np.sin(bend * steps)) * (box[3] - box[1])
        self.draw.line(
            list(zip(x.tolist(), y.tolist(), strict=True)), fill=(40, 40, 40), width=max(1, self.size[0] // 200)
        )

    def texture(self, box: Box, colour: Colour, kind: str) -> None:
        """Fill a box with a panel that is not of one colour."""
        width, height = box[2] - box[0], box[3] - box[1]
        y, x = np.mgrid[:height, :width]
        ground = np.full((height, width, 3), colour, np.float32)
        if kind == "gradient":
            ground *= (0.6 + 0.8 * y / height)[..., None]
        elif kind == "stripes":
            ground += (18 * ((x + y) // max(2, width // 12) % 2))[..., None]
        elif kind == "noise":
            ground += self.rng.normal(0, 14, (height, width, 1))
        elif kind == "brushed":
            ground += self.rng.normal(0, 12, (height, 1, 1)) + self.rng.normal(0, 4, (height, width, 1))
        elif kind == "checks":
            ground += (25 * ((x // max(2, width // 8) + y // max(2, width // 8)) % 2))[..., None]
        self.picture.paste(Image.fromarray(ground.clip(0, 255).astype(np.uint8)), box[:2])

    def noise(self, sigma: float) -> None:
        """Add the noise of a frame grabber to the whole screen."""
        pixels = np.asarray(self.picture) + self.rng.normal(0, sigma, (*self.size[::-1], 3))
        self.picture = Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8))


def _stencil(rng: np.random.Generator, kind: str, width: int, height: int) -> Image.Image:
    """Return where a view of a kind is, drawn four times as large and made small, so that its rim is soft."""
    if kind == "rectangle":
        return Image.new("L", (width, height), 255)
    large = Image.new("L", (4 * width, 4 * height))
    draw, (right, bottom) = ImageDraw.Draw(large), (4 * width - 1, 4 * height - 1)
    if kind == "circle":
        draw.ellipse((0, 0, right, bottom), fill=255)
    else:
        x, y = rng.uniform(0.12, 0.3) * right, rng.uniform(0.12, 0.3) * bottom
        draw.polygon(
            [
                (x, 0),
                (right - x, 0),
                (right, y),
                (right, bottom - y),
                (right - x, bottom),
                (x, bottom),
                (0, bottom - y),
                (0, y),
            ],
            fill=255,
        )
    return large.resize((width, height), Image.Resampling.BOX)


def _black(canvas: Canvas) -> Colour:
    level = int(canvas.rng.choice([0, 0, 8, 16, 22]))
    return level, level, level


def _colour(canvas: Canvas, low: int, high: int) -> Colour:
    red, green, blue = (int(value) for value in canvas.rng.integers(low, high, 3))
    return red, green, blue


def _placed(canvas: Canvas, left: float, right: float, shape: float, fill: tuple[float, float] = (0.8, 1.0)) -> Box:
    """Return a box of a width-to-height ratio inside two columns, as large as a random share of the place allows."""
    width, height = canvas.size
    room = (right - left) * width
    tall = min(height, room / shape) * canvas.between(*fill)
    x = left * width + canvas.between(0, 1) * (room - tall * shape)
    y = canvas.between(0, 1) * (height - tall)
    return round(x), round(y), round(x + tall * shape), round(y + tall)


def octagon_on_black(canvas: Canvas) -> Box:
    canvas.fill(_black(canvas))
    box = canvas.view(_placed(canvas, 0.15, 1.0, canvas.between(0.9, 1.3)), "octagon")
    canvas.text((round(0.01 * canvas.size[0]), round(0.03 * canvas.size[1]), box[2], canvas.size[1]), 5)
    return box


def circle_on_black(canvas: Canvas) -> Box:
    canvas.fill(_black(canvas))
    box = canvas.view(_placed(canvas, 0.0, 1.0, 1.0), "circle")
    canvas.text((5, 5, box[2], canvas.size[1]), 3)
    return box


def rectangle_beside_panel(canvas: Canvas) -> Box:
    canvas.fill(_black(canvas))
    edge = round(canvas.between(0.2, 0.32) * canvas.size[0])
    canvas.fill(_colour(canvas, 30, 90), (0, 0, edge, canvas.size[1]))
    canvas.text((10, 10, edge, canvas.size[1]), 8, (240, 240, 200))
    return canvas.view((edge, 0, canvas.size[0], canvas.size[1]), "rectangle")


def octagon_with_map(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill(_black(canvas))
    edge = round(canvas.between(0.2, 0.3) * width)
    canvas.fill(_colour(canvas, 20, 110), (0, 0, edge, height))
    box = canvas.view(_placed(canvas, edge / width, 1.0, canvas.between(1.0, 1.25), (0.9, 1.0)), "octagon")
    side = round(canvas.between(0.2, 0.3) * height)
    canvas.colon((0, height - side, edge + round(0.1 * side), height), (30, 170, 130))
    canvas.text((8, 8, edge, height), 5)
    return box


def picture_in_picture(canvas: Canvas) -> Box:
    _width, height = canvas.size
    canvas.fill(_black(canvas))
    box = canvas.view(_placed(canvas, 0.22, 1.0, canvas.between(0.9, 1.2), (0.9, 1.0)), "octagon")
    small = round(canvas.between(0.15, 0.25) * height)
    left = max(0, box[0] - round(canvas.between(0.4, 1.2) * small))
    top = 0 if canvas.rng.random() < 0.5 else height - small
    canvas.view(
        (left, top, left + small, top + small), "octagon", canvas.tissue.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    )
    return box


def whole_frame(canvas: Canvas) -> Box:
    box = canvas.view((0, 0, *canvas.size), "rectangle")
    canvas.text((8, 8, 100, canvas.size[1]), 2)
    return box


def cut_already(canvas: Canvas) -> Box:
    canvas.fill(_black(canvas))
    return canvas.view((0, 0, *canvas.size), "octagon")


def gradient_panels(canvas: Canvas) -> Box:
    width, height = canvas.size
    edge, bar = round(canvas.between(0.1, 0.2) * width), round(canvas.between(0.05, 0.1) * height)
    canvas.texture((0, 0, width, height), _colour(canvas, 50, 150), "gradient")
    canvas.text((8, bar, edge, height), 5, (10, 10, 10))
    return canvas.view((edge, bar, width - edge, height), "rectangle")


def textured_panel(canvas: Canvas) -> Box:
    width, height = canvas.size
    edge = round(canvas.between(0.15, 0.3) * width)
    canvas.texture((0, 0, edge, height), _colour(canvas, 60, 180), str(canvas.rng.choice(["noise", "stripes"])))
    return canvas.view((edge, 0, width, height), "rectangle")


def blue_light(canvas: Canvas) -> Box:
    _red, green, blue = canvas.tissue.split()
    tissue = Image.merge("RGB", (blue.point(lambda value: value * 2 // 3), green, blue))
    canvas.fill(_black(canvas))
    box = canvas.view(_placed(canvas, 0.1, 1.0, 1.0), "circle", tissue)
    canvas.text((8, 8, box[0], canvas.size[1]), 4)
    return box


def white_around(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill((252, 252, 252))
    box = _placed(canvas, 0.2, 0.98, 1.3, (0.7, 0.85))
    line = max(2, width // 250)
    canvas.fill((90, 90, 200), (box[0] - line, box[1] - line, box[2] + line, box[3] + line))
    canvas.text((10, 10, width, height), 8, (0, 0, 0))
    return canvas.view(box, "rectangle")


def circle_on_slope(canvas: Canvas) -> Box:
    """The ground fades from one corner of the screen to the other."""
    width, height = canvas.size
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height))
    turn = canvas.between(0, 2 * np.pi)
    light = 1 + canvas.between(0.2, 0.8) * (np.cos(turn) * x + np.sin(turn) * y)
    ground = light[..., None] * _colour(canvas, 60, 150)
    canvas.picture = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    kind, shape = ("circle", 1.0) if canvas.rng.random() < 0.5 else ("octagon", canvas.between(0.9, 1.3))
    box = canvas.view(_placed(canvas, 0.1, 1.0, shape, (0.75, 0.95)), kind)
    canvas.text((6, 6, box[0], height), 4, (10, 10, 10))
    return box


def woven_panel(canvas: Canvas) -> Box:
    """A panel with squares or bars of two shades of its colour, on the left."""
    width, height = canvas.size
    edge = round(canvas.between(0.15, 0.35) * width)
    canvas.texture(
        (0, 0, edge, height), _colour(canvas, 50, 190), str(canvas.rng.choice(["checks", "brushed", "stripes"]))
    )
    canvas.text((6, 10, edge, height), 5, (240, 240, 240))
    return canvas.view((edge, 0, width, height), "rectangle")


def rectangle_on_fade(canvas: Canvas) -> Box:
    """The ground fades from left to right, with a bar of one colour below."""
    width, height = canvas.size
    light = np.linspace(canvas.between(0.5, 0.8), canvas.between(1.1, 1.5), width)[:: int(canvas.rng.choice([-1, 1]))]
    ground = np.broadcast_to(light[None, :, None] * _colour(canvas, 60, 150), (height, width, 3))
    canvas.picture = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    bar = round(0.9 * height)
    canvas.fill(_colour(canvas, 20, 220), (0, bar, width, height))
    left, top, right, bottom = _placed(canvas, 0.1, 0.9, canvas.between(0.9, 1.4), (0.7, 0.85))
    down = min(0, bar - bottom)
    return canvas.view((left, top + down, right, bottom + down), "rectangle")


def between_tiles(canvas: Canvas) -> Box:
    """Tiles of two shades on both sides, the octagon between them on black."""
    width, height = canvas.size
    canvas.fill(_black(canvas))
    left, right = round(canvas.between(0.08, 0.16) * width), round(canvas.between(0.84, 0.92) * width)
    colour = _colour(canvas, 60, 190)
    canvas.texture((0, 0, left, height), colour, "checks")
    canvas.texture((right, 0, width, height), colour, "checks")
    return canvas.view(_placed(canvas, left / width, right / width, 1.15, (0.95, 1.0)), "octagon")


def circle_beside_white(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill(_black(canvas))
    edge = round(canvas.between(0.72, 0.8) * width)
    canvas.fill((250, 250, 250), (edge, 0, width, height))
    canvas.text((edge + 8, 10, width, height), 9, (20, 20, 90))
    return canvas.view(_placed(canvas, 0.0, edge / width, 1.0, (0.9, 1.0)), "circle")


def octagon_in_light_window(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill(_colour(canvas, 190, 245))
    bar, side = round(0.08 * height), round(canvas.between(0.2, 0.28) * width)
    canvas.fill(_colour(canvas, 40, 120), (0, 0, width, bar))
    canvas.fill((0, 0, 0), (side, bar, width, height - bar))
    for number in range(4):
        canvas.draw.rounded_rectangle(
            (10, bar + 10 + number * 2 * bar, side - 10, bar + number * 2 * bar + bar),
            4,
            fill=_colour(canvas, 120, 220),
        )
    canvas.text((10, 3, width, bar), 1, (255, 255, 255))
    tall = height - 2 * bar
    wide = min(width - side, round(1.2 * tall))
    left = side + round(canvas.between(0, 1) * (width - side - wide))
    return canvas.view((left, bar, left + wide, bar + tall), "octagon")


def rectangle_with_extras(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill(_black(canvas))
    box = canvas.view(_placed(canvas, 0.27, 1.0, canvas.between(1.1, 1.3), (0.75, 0.95)), "rectangle")
    side = round(0.22 * width)
    canvas.view((4, height // 3, 4 + side, height // 3 + round(0.8 * side)), "rectangle", canvas.tissue.rotate(180))
    canvas.colon((4, height - round(0.8 * side), 4 + side, height), (60, 90, 210))
    canvas.text((6, 6, side, height // 3), 4)
    return box


def dark_whole_frame(canvas: Canvas) -> Box:
    width, height = canvas.size
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    centre = canvas.between(-0.3, 0.3)
    light = np.exp(-canvas.between(0.8, 1.6) * ((x - centre) ** 2 + y**2))[..., None]
    box = canvas.view((0, 0, width, height), "rectangle")
    canvas.picture = Image.fromarray((np.asarray(canvas.picture) * light * 0.6).astype(np.uint8))
    return box


def two_views(canvas: Canvas) -> Box:
    width, _height = canvas.size
    canvas.fill(_black(canvas))
    edge = round(canvas.between(0.58, 0.64) * width)
    small = _placed(canvas, edge / width + 0.02, 1.0, 1.1, (0.8, 0.9))
    red, green, blue = canvas.tissue.split()
    canvas.view(small, "octagon", Image.merge("RGB", (green, blue, red.point(lambda value: value // 2))))
    return canvas.view(_placed(canvas, 0.0, edge / width, 1.15, (0.95, 1.0)), "octagon")


def patterned_panel(canvas: Canvas) -> Box:
    width, height = canvas.size
    edge = round(canvas.between(0.7, 0.85) * width)
    kind = str(canvas.rng.choice(["brushed", "checks", "gradient"]))
    canvas.texture((edge, 0, width, height), _colour(canvas, 70, 200), kind)
    canvas.text((edge + 6, 10, width, height), 6, (0, 0, 0))
    return canvas.view((0, 0, edge, height), "rectangle")


def circle_cut_by_the_frame(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill(_black(canvas))
    radius = round(canvas.between(0.55, 0.62) * height)
    x, y = round(canvas.between(0.45, 0.55) * width), height // 2
    return canvas.view((x - radius, y - radius, x + radius, y + radius), "circle")


def narrow_band(canvas: Canvas) -> Box:
    _red, green, blue = canvas.tissue.split()
    tissue = Image.merge("RGB", (green, blue, blue))
    canvas.fill(_colour(canvas, 60, 80))
    box = _placed(canvas, 0.2, 1.0, 1.2, (0.85, 1.0))
    canvas.text((8, 8, box[0], canvas.size[1]), 5)
    return canvas.view(box, "octagon", tissue)


def grey_tissue(canvas: Canvas) -> Box:
    canvas.fill(_black(canvas))
    box = canvas.view(_placed(canvas, 0.1, 0.95, 1.1), "circle", canvas.tissue.convert("L").convert("RGB"))
    canvas.colon((0, 0, round(0.2 * canvas.size[0]), round(0.2 * canvas.size[1])), (20, 150, 170))
    return box


def bright_panels(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill((0, 0, 0))
    left, right, bar = round(0.15 * width), round(canvas.between(0.8, 0.88) * width), round(0.09 * height)
    canvas.fill(_colour(canvas, 150, 255), (0, 0, left, height))
    canvas.fill(_colour(canvas, 150, 255), (right, 0, width, height))
    canvas.fill(_colour(canvas, 90, 200), (0, 0, width, bar))
    canvas.text((6, bar + 6, left, height), 7, (10, 10, 10))
    canvas.text((right + 6, bar + 6, width, height), 4, (60, 0, 0))
    return canvas.view((left + 4, bar, right - 4, height), "octagon" if canvas.rng.random() < 0.5 else "rectangle")


def thumbnails(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill(_black(canvas))
    edge = round(canvas.between(0.74, 0.8) * width)
    side = height // 4
    for number in range(4):
        place = (edge + 6, number * side + 3, min(width, edge + 6 + side), (number + 1) * side - 3)
        canvas.view(place, "rectangle", canvas.tissue.rotate(90 * number))
    return canvas.view(_placed(canvas, 0.0, edge / width, 1.2, (0.9, 1.0)), "octagon")


def octagon_on_gradient(canvas: Canvas) -> Box:
    canvas.texture((0, 0, *canvas.size), _colour(canvas, 40, 160), "gradient")
    return canvas.view(_placed(canvas, 0.15, 1.0, 1.2, (0.8, 0.95)), "octagon")


def letterboxed(canvas: Canvas) -> Box:
    width, height = canvas.size
    canvas.fill(_black(canvas))
    bar = round(canvas.between(0.08, 0.16) * height)
    canvas.text((20, 4, width, bar), 1)
    canvas.text((width // 2, height - bar + 4, width, height), 1)
    return canvas.view((0, bar, width, height - bar), "rectangle")


def dim_circle(canvas: Canvas) -> Box:
    canvas.fill((22, 22, 22))
    tissue = canvas.tissue.point(lambda value: 22 + value * 2 // 5)
    return canvas.view(_placed(canvas, 0.0, 1.0, 1.0), "circle", tissue)


TUNE: tuple[Callable[[Canvas], Box], ...] = (
    octagon_on_black,
    circle_on_black,
    rectangle_beside_panel,
    octagon_with_map,
    picture_in_picture,
    whole_frame,
    cut_already,
    gradient_panels,
    textured_panel,
    blue_light,
    white_around,
    circle_on_slope,
    woven_panel,
)
TEST: tuple[Callable[[Canvas], Box], ...] = (
    circle_beside_white,
    octagon_in_light_window,
    rectangle_with_extras,
    dark_whole_frame,
    two_views,
    patterned_panel,
    circle_cut_by_the_frame,
    narrow_band,
    grey_tissue,
    bright_panels,
    thumbnails,
    octagon_on_gradient,
    letterboxed,
    dim_circle,
    rectangle_on_fade,
    between_tiles,
)
RECOLOURED = {"narrow_band", "grey_tissue", "dark_whole_frame", "dim_circle"}  # show the picture otherwise, as well


def screen(style: Callable[[Canvas], Box], tissue: Image.Image, seed: int) -> tuple[Image.Image, Box]:
    """Return a screen of a style as a JPEG shows it, and the view's box.

    Args:
        style: one of `TUNE` or `TEST`.
        tissue: a picture that shows nothing but tissue.
        seed: what the style's sizes and colours are drawn from.
    """
    canvas, box = laid_out(style, tissue, seed)
    rng = canvas.rng
    if rng.random() < 0.5:
        canvas.picture = canvas.picture.filter(ImageFilter.GaussianBlur(0.6))
    if rng.random() < 0.3:
        canvas.noise(float(rng.uniform(0.5, 2.5)))
    file = io.BytesIO()
    canvas.picture.save(file, "JPEG", quality=int(rng.integers(70, 96)))
    return Image.open(file).convert("RGB"), box


def laid_out(style: Callable[[Canvas], Box], tissue: Image.Image, seed: int) -> tuple[Canvas, Box]:
    """Return a screen before any blur, noise and JPEG, and the view's box; arguments as of `screen`."""
    rng = np.random.default_rng([seed, *style.__name__.encode()])
    canvas = Canvas(rng, tissue, SIZES[int(rng.integers(len(SIZES)))])
    return canvas, style(canvas)


def traced(style: Callable[[Canvas], Box], masks: Sequence[Array], seed: int) -> tuple[list[Array], Array]:
    """Return where a screen shows what masks of its tissue hold.

    The style is drawn with each mask for tissue, and with all black and all white, which tells where tissue shows.

    Args:
        style: one of `TUNE` or `TEST`.
        masks: [H, W] bool, each over the whole tissue.
        seed: as for `screen`.

    Returns:
        The masks on the screen, [height, width] bool, and where the view shows tissue, likewise; outside of the view's
        box nothing is true.
    """
    shape = masks[0].shape
    black, white, *drawn = (
        np.asarray(laid_out(style, Image.fromarray(one).convert("RGB"), seed)[0].picture.convert("L"), np.int16)
        for one in (np.zeros(shape, bool), np.ones(shape, bool), *masks)
    )
    left, top, right, bottom = laid_out(style, Image.new("RGB", shape[::-1]), seed)[1]
    inside = np.zeros(black.shape, bool)
    inside[top:bottom, left:right] = True
    shows = inside & (white - black > VISIBLE)
    return [shows & (2 * (one - black) > white - black) for one in drawn], shows
