"""Whether pictures look as if they were drawn, as masks are, rather than taken by a camera."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mcdrl.imaging.picture import opened

_LOOKS = 5  # pictures that are looked at
_SIDE = 64  # px, to which they are brought
_COLOURS, _SHARE = 6, 0.97  # of a drawn picture's pixels are of so few colours, 8 levels a channel
_INK, _PURE = 24, 0.99  # levels from black or white, 0..255, within which so many pixels of a black and white one are
_LEAST = 0.002  # of the pixels of one of them are white
Array = np.ndarray[Any, np.dtype[Any]]


def looks_drawn(paths: Sequence[Path]) -> bool:
    """Return whether most of a few pictures hold some colours alone, as drawn ones do and pictures of tissue don't."""
    small = _looked_at(paths)
    return 2 * sum(one is not None and _of_few_colours(one) for one in small) > len(small)


def black_and_white(paths: Sequence[Path]) -> bool:
    """Return whether most of a few pictures are black and white, be it with a JPEG's greys, and not all of them black.

    Pictures of tissue are neither, however dark they are.
    """
    small = _looked_at(paths)
    pure = [one for one in small if one is not None and _pure(one)]
    return 2 * len(pure) > len(small) and any(_white(one).mean() >= _LEAST for one in pure)


def is_drawn(path: Path) -> bool:
    """Return whether a picture holds some colours alone, or is black and white, be it with a JPEG's greys."""
    small = _small(path)
    return small is not None and (_of_few_colours(small) or _pure(small))


def _looked_at(paths: Sequence[Path]) -> list[Array | None]:
    return [_small(path) for path in paths[:: max(1, len(paths) // _LOOKS)][:_LOOKS]]


def _of_few_colours(small: Array) -> bool:
    _, counts = np.unique((small >> 5).reshape(-1, 3), axis=0, return_counts=True)
    return bool(np.sort(counts)[-_COLOURS:].sum() >= _SHARE * counts.sum())


def _pure(small: Array) -> bool:
    return bool(((small.max(axis=2) <= _INK) | _white(small)).mean() >= _PURE)


def _white(small: Array) -> Array:
    white: Array = small.min(axis=2) >= 255 - _INK
    return white


def _small(path: Path) -> Array | None:
    """Return a picture in small, [H, W, 3] uint8; None: it can't be read."""
    if not path.is_file():
        return None
    try:
        with opened(path) as image:
            return np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.NEAREST))
    except Exception:  # whatever a broken file raises: reading it as a frame says what is wrong
        return None
