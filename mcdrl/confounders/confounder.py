"""What is known of a confounder: the form of an entry of the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mcdrl.base.fields import Array
from mcdrl.base.view_rule import ViewRule

Bools = NDArray[np.bool_]
Masks = tuple[Bools, Bools]  # of a picture's size: True on lesion, True where nobody judged
Layer = Literal["camera", "wall", "lamp", "glare", "shading", "exposure", "motion", "coding"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
"""Where the phantom lays a confounder on, in the order that light passes: the camera itself is moved, what covers the
wall, the lamp's colour, what the wet wall throws back, light from one side, exposure, motion and focus, the file."""


@dataclass(frozen=True)
class OnPixels:
    """An operator that changes colours and leaves everything in its place.

    Attributes:
        apply: image [S, S, 3] float32 in 0..1, strength in 0..1, generator, and where it may lie, as weights [S, S] or
            None -> the image, which may leave 0..1.
        placed: whether it lies in places, which must be in view.
    """

    apply: Callable[[Array, float, np.random.Generator, Array | None], Array]
    placed: bool = False


@dataclass(frozen=True)
class OnGeometry:
    """An operator that moves things, and the masks with them.

    Attributes:
        apply: image [S, S, 3] float32 in 0..1 without its border, masks, field [S, S] bool (what the optics show),
            strength in 0..1 and generator -> image and masks, which count inside the field alone; the border stays.
    """

    apply: Callable[[Array, Masks, Bools, float, np.random.Generator], tuple[Array, Masks]]


@dataclass(frozen=True)
class OnScreen:
    """An operator that lays the whole frame out in a larger picture, of which some is looked at.

    Attributes:
        apply: image [S, S, 3] float32 in 0..1, masks, strength in 0..1 and generator -> picture [H, W, 3] and masks
            [H, W].
        view: what of the picture is looked at, as of a site's frames.
    """

    apply: Callable[[Array, Masks, float, np.random.Generator], tuple[Array, Masks]]
    view: ViewRule


@dataclass(frozen=True)
class Measure:
    """How a confounder shows in real frames, of which nobody knows its strength.

    Attributes:
        column: of profile.parquet.
        rises: whether more of it is more of the confounder.
    """

    column: str
    rises: bool


@dataclass(frozen=True)
class Confounder:
    """A confounder.

    Attributes:
        name: of the operator and of the phantom's column; an identifier.
        phrase: what prompts, tables and the page call it.
        category: its group in the shipped dictionary; None: it is no part of that, for stress and sites' tables alone.
        operator: lays it on a finished frame, by a strength above 0 up to 1.
        measure: how it is measured in real frames; None: it isn't.
        drawn: where along the light's path the phantom draws it; None: it doesn't. A further one changes all that the
            phantom draws at random. What moves the camera is `mcdrl.renderer.scene`'s own.
        excludes: name of the one that can't be present with it; it says the same.
        near_words: other phrasings, which the text tower of lite0 learns for those that the phantom draws.
        held_out_words: phrasings that it is tested with, of the words of the others.
    """

    name: str
    phrase: str
    category: str | None
    operator: OnPixels | OnGeometry | OnScreen
    measure: Measure | None = None
    drawn: Layer | None = None
    excludes: str | None = None
    near_words: tuple[str, ...] = ()
    held_out_words: tuple[str, ...] = ()
