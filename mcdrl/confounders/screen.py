"""A frame as a part of a whole screen, as recorders export it: a panel beside the view, a map, text, a second picture.

None of it is a maker's own layout. Everything random is drawn whatever the strength is, so that of one frame a stronger
layout is the same one with a wider panel; what doesn't fit into it is left out, text first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mcdrl.base.fields import Array
from mcdrl.confounders.confounder import Bools, Masks

Part = tuple[slice, slice]
_BESIDE = 0.45  # at full strength: share of the screen's width beside the view
_ABOVE = 0.15  # at full strength: share of its height above and below the view
_LEAST_PX = 24  # a narrower panel stays empty
_LETTER = (5, 3)  # cells
_LINES = 6
_LETTERS = 10  # a line, at most
_SECOND = 0.5  # how often there is a second picture


def on_screen(image: Array, masks: Masks, strength: float, rng: np.random.Generator) -> tuple[Array, Masks]:
    """Return the screen that has the frame in it at its own size.

    The second picture is the frame mirrored; what it shows is no lesion, as nobody marks it there.

    Args:
        image: [S, S, 3] float32, 0..1.
        masks: lesion and what nobody judged, [S, S] bool.
        strength: 0..1; 0: nothing is beside the frame, 1: nearly half of the screen's width.
        rng: of the layout.

    Returns:
        [H, W, 3] with W >= H >= S, and the masks of that size.
    """
    size = image.shape[0]
    wide, high = round(size / (1 - _BESIDE * strength)), round(size / (1 - _ABOVE * strength))
    top = (high - size) // 2
    on_the_left = rng.uniform() < 0.5
    left = wide - size if on_the_left else 0
    screen = np.empty((high, wide, 3), np.float32)
    screen[:] = rng.uniform(0, 0.06)
    panel: Part = (slice(0, high), slice(0, left) if on_the_left else slice(size, wide))
    _fill(screen[panel], image, rng)
    screen[top : top + size, left : left + size] = image
    lesion, ignored = (_placed(mask, (high, wide), top, left) for mask in masks)
    return screen, (lesion, ignored)


def _placed(mask: Bools, shape: tuple[int, int], top: int, left: int) -> Bools:
    result = np.zeros(shape, np.bool_)
    result[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return result


def _fill(panel: Array, image: Array, rng: np.random.Generator) -> None:
    """Draw what stands beside the view: from the top a map, a second picture, lines of text."""
    ground = rng.uniform(0.05, 0.2) * np.asarray([1.0, rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.4)], np.float32)
    colour = np.asarray([[0.1, 0.55, 0.2], [0.1, 0.3, 0.7]], np.float32)[int(rng.integers(2))]
    second, letters = rng.uniform() < _SECOND, _letters(rng)
    high, wide = panel.shape[:2]
    panel[:] = ground
    if wide < _LEAST_PX:
        return
    rim, side = wide // 10, wide - 2 * (wide // 10)
    place = rim
    panel[place : place + side // 2, rim : rim + side // 2] = colour
    place += side // 2 + rim
    if second and place + side <= high:
        panel[place : place + side, rim : rim + side] = _shrunk(image[:, ::-1], side)
        place += side + rim
    text = letters[: max(0, high - place - rim), :side]
    part = panel[place : place + text.shape[0], rim : rim + text.shape[1]]
    part[text] = 0.85


def _letters(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return lines of what looks like letters, a dot two pixels wide."""
    rows, columns = _LETTER
    cells = np.zeros((_LINES, rows + 2, _LETTERS, columns + 1), np.bool_)
    cells[:, :rows, :, :columns] = rng.uniform(size=(_LINES, rows, _LETTERS, columns)) < 0.6
    cells &= (np.arange(_LETTERS) < rng.integers(3, _LETTERS + 1, (_LINES, 1)))[:, None, :, None]
    return cells.reshape(_LINES * (rows + 2), -1).repeat(2, axis=0).repeat(2, axis=1)


def _shrunk(image: Array, side: int) -> Array:
    picture = Image.fromarray(np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8))
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float32) / np.float32(255)
