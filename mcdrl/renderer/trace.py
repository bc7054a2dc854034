"""Sphere tracing: how far every ray goes until it meets the wall or a lesion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mcdrl.base.fields import Array
from mcdrl.renderer.lesions import FORMS, Lesion, body_distance, smooth_minimum
from mcdrl.renderer.tube import FAR, CameraView, Tube, ray_directions, wall_distance

COARSE_PX = 56
_NEAREST = 0.05
_STEP_SHARE = 0.6  # the gap to a steep fold overstates the free way


@dataclass(frozen=True)
class Hits:
    """Distance [N] along each ray of a square raster; for each lesion, the rays that may show it.

    For a raised lesion these are the rays that meet it; for a flat one those that pass near.
    """

    distance: Array
    size_px: int
    near: tuple[NDArray[np.intp], ...] = ()


def trace_wall(tube: Tube, view: CameraView) -> Hits:
    """Coarse distances to the healthy wall."""
    directions = ray_directions(view, COARSE_PX)
    start = np.full(directions.shape[1], _NEAREST, dtype=np.float32)
    distance = _march(tube, (), directions, start, steps=26)
    return Hits(distance, COARSE_PX)


def trace_scene(tube: Tube, view: CameraView, coarse: Hits, lesions: list[Lesion], size_px: int) -> Hits:
    """Distances for every pixel to wall or lesion, refined from the coarse wall distances."""
    middle = _refined(tube, view, coarse, size_px // 2, steps=6)
    distance = _refined(tube, view, middle, size_px, steps=2).distance
    directions = ray_directions(view, size_px)
    near = []
    for one in lesions:
        rays = _rays_near(one, directions, distance)
        if len(one.lobes):
            rays, met = _met(tube, one, directions, distance, rays)
            distance[rays] = met
        near.append(rays)
    return Hits(distance, size_px, tuple(near))


def _met(
    tube: Tube, lesion: Lesion, directions: Array, wall: Array, rays: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Array]:
    """Those of the given rays that meet a raised lesion before the wall, and their distances."""
    reach = float(np.sqrt((lesion.origin**2).sum())) - 2.0 * lesion.radius
    start = np.minimum(wall[rays] - 0.2 * lesion.radius, max(reach, _NEAREST)).astype(np.float32)
    start = np.clip(start, _NEAREST, FAR)
    ahead = directions[:, rays]
    distance = _march(tube, (lesion,), ahead, start, steps=13, secants=0)
    left = np.abs(_free_way(tube, (lesion,), distance * ahead))
    met = (left < 0.04 * lesion.radius) & (distance < wall[rays] + 0.02 * lesion.radius)
    return rays[met], distance[met]


def _refined(tube: Tube, view: CameraView, coarse: Hits, size_px: int, steps: int) -> Hits:
    """Hits on a finer raster, marched on from just before the coarser ones."""
    start = _upsampled(coarse, size_px) * 0.95
    return Hits(_march(tube, (), ray_directions(view, size_px), start, steps), size_px)


def _upsampled(coarse: Hits, size_px: int) -> Array:
    """Safe starting distances: the nearest hit among neighbouring coarse rays, interpolated."""
    raster = coarse.distance.reshape(coarse.size_px, coarse.size_px)
    safe = ndimage.minimum_filter(raster, size=3, mode="nearest")
    rows, left, right = _linear_taps(coarse.size_px, size_px)
    tall = safe[left] * (1 - rows)[:, None] + safe[right] * rows[:, None]
    return np.asarray((tall[:, left] * (1 - rows) + tall[:, right] * rows).ravel(), np.float32)


def _linear_taps(coarse: int, fine: int) -> tuple[Array, NDArray[np.intp], NDArray[np.intp]]:
    """Share of the right neighbour and both neighbours' indices, for every fine position."""
    position = np.clip((np.arange(fine) + 0.5) / fine * coarse - 0.5, 0, coarse - 1)
    left = position.astype(np.intp)
    share = (position - left).astype(np.float32)
    return share, left, np.minimum(left + 1, coarse - 1)


def _march(
    tube: Tube,
    lesions: tuple[Lesion, ...],
    directions: Array,
    start: Array,
    steps: int,
    secants: int = 2,
) -> Array:
    """Advance every ray by a share of its free way, `steps` times, then close in by secants."""
    distance = before = start
    gap = behind = _free_way(tube, lesions, distance * directions)
    for step in range(steps + secants):
        move = _STEP_SHARE * gap if step < steps else _secant_move(distance, before, gap, behind)
        before, behind = distance, gap
        distance = np.clip(distance + move, _NEAREST, FAR)
        gap = _free_way(tube, lesions, distance * directions)
    return np.asarray(distance, dtype=np.float32)


def _secant_move(distance: Array, before: Array, gap: Array, behind: Array) -> Array:
    """Step to where the gap, drawn as a line through the last two points, is zero.

    A ray that grazes the wall loses little of its gap a step; this takes it the rest of the way.
    Where the gap grows or the line is flat the ray goes on as before.
    """
    fall = behind - gap
    way = distance - before
    sound = fall * way > 1e-7
    move = gap * way / np.where(sound, fall, 1.0)
    return np.asarray(np.where(sound, np.clip(move, -0.05, 0.25), _STEP_SHARE * gap), np.float32)


def _free_way(tube: Tube, lesions: tuple[Lesion, ...], points: Array) -> Array:
    """Gap [N] between points and the nearest surface, lesions blended into the wall."""
    gap = wall_distance(tube, points)
    for one in lesions:
        width = FORMS[one.lesion_class].blend * one.radius
        gap = smooth_minimum(gap, body_distance(one, points), width)
    return gap


def _rays_near(lesion: Lesion, directions: Array, distance: Array) -> NDArray[np.intp]:
    """Rays [n] that pass within 1.6 radii of the lesion and are not blocked well before it."""
    along = (directions * lesion.origin[:, None]).sum(0)
    gap = (lesion.origin**2).sum() - along * along
    close = (gap < (1.6 * lesion.radius) ** 2) & (along > 0)
    return np.flatnonzero(close & (distance > along - 2.2 * lesion.radius))
