"""Which part of a frame the optics show; the rest is what the video processor draws: black border, text, boxes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from mcdrl.base.black_border import DARK, view
from mcdrl.base.fields import Array, luminance, pixel_grid
from mcdrl.confounders.confounder import Bools

_RIM_PX = 4  # the border's soft edge at 224 px, whose colours belong to neither side


def field_of_view(image: Array, mask: Bools) -> Bools:
    """Return the part of a frame that the optics show; lesions always belong to it.

    It is convex, as apertures are, so a dark lumen belongs to it even at the edge.

    Args:
        image: [S, S, 3] float32, 0..1.
        mask: [S, S] bool, True on lesion.

    Returns:
        [S, S] bool; all of a frame that is black all over.
    """
    bright = view(image.max(axis=2) >= DARK / 255)
    return _convex(bright | mask) if bright.any() else np.ones_like(mask)


def _convex(seen: Bools) -> Bools:
    """Return the places [S, S] that lie between the outermost seen ones in each of 32 directions."""
    x, y = pixel_grid(seen.shape[0])
    inside = np.ones_like(seen)
    for turn in np.arange(32) * np.pi / 32:
        along = x * np.float32(np.cos(turn)) + y * np.float32(np.sin(turn))
        inside &= (along >= along[seen].min()) & (along <= along[seen].max())
    return inside


def without_border(image: Array, field: Bools) -> Array:
    """Return the frame with its border replaced by the nearest colours of the view, so that nothing black leaks in.

    Args:
        image: [S, S, 3] float32, 0..1.
        field: [S, S] bool, the view.
    """
    inner = _inner(field)
    if inner.all() or not inner.any():
        return image
    rows, columns = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
    return np.asarray(image[rows, columns])


def with_border(changed: Array, image: Array, unbordered: Array, field: Bools) -> Array:
    """Return the changed frame inside the view, and the frame as it was outside.

    Along the border the frame fades to black; the changed one fades there by as much.

    Args:
        changed: [S, S, 3] float32, 0..1.
        image: [S, S, 3] float32, 0..1, which brings the border.
        unbordered: [S, S, 3] float32, 0..1, `without_border` of it.
        field: [S, S] bool, the view.
    """
    inner = _inner(field)
    faded = luminance(image) / np.maximum(luminance(unbordered), 1e-3)
    inside = changed * np.where(inner, 1, np.clip(faded, 0, 1))[..., None]
    return np.asarray(np.where(field[..., None], inside, image), dtype=np.float32)


def _inner(field: Bools) -> Bools:
    """Return the view without the soft edge of the border; the edge of the picture itself is none."""
    rim = max(1, round(_RIM_PX * field.shape[0] / 224))
    inner: Bools = ndimage.binary_erosion(field, iterations=rim, border_value=1)
    return inner
