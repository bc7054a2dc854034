"""The hollow organ as a bent tube with haustral folds, and the camera inside it.

The wall is a radius R(theta, z) around a curved axis. Lengths are in tube radii; the camera sits
at the origin and z runs along the axis. Rays meet the wall by sphere tracing, first on a coarse
raster, then refined for every pixel, so folds hide what lies behind them as they do in reality.
Points and directions are float32 [3, N].
"""

from dataclasses import dataclass

import numpy as np

from mcdrl.base.fields import Array, pixel_grid, sample_table, smooth_field

FAR = 12.0
"""Where rays end: so deep in the lumen no light comes back."""

_Z_LOW, _Z_HIGH = -3.0, 13.0
_ANGLES, _DEPTHS = 160, 384
_CLEARANCE = 0.45  # no fold touches the lens


@dataclass(frozen=True)
class FoldShape:
    """Haustral folds: distance between them, how far they reach in, how thick and wavy they are."""

    spacing: float = 0.9
    depth: float = 0.35
    width: float = 0.12
    waviness: float = 0.25
    lobes: float = 0.6


@dataclass(frozen=True)
class Tube:
    """Radius [angle, depth] alone and with its slopes, bend of the axis, axis at z = 0."""

    radius: Array
    table: Array
    bend: tuple[float, float]
    axis: tuple[float, float]


@dataclass(frozen=True)
class CameraView:
    """Where the camera looks: turn away from the axis, its direction, roll, and opening angle."""

    tilt_deg: float
    azimuth_deg: float
    half_width: float = 1.1


def make_tube(rng: np.random.Generator, folds: FoldShape, bend: float, off_axis: float) -> Tube:
    """Random tube with the given folds; `bend` and `off_axis` are upper limits of the offsets."""
    radius = _radius_table(rng, folds)
    cell_angle, cell_depth = 2 * np.pi / _ANGLES, (_Z_HIGH - _Z_LOW) / _DEPTHS
    wrapped = np.concatenate([radius[-1:], radius, radius[:1]])
    slope_angle = (wrapped[2:] - wrapped[:-2]) / (2 * cell_angle)
    slope_depth = np.gradient(radius, cell_depth, axis=1)
    layers = np.stack([radius, slope_angle, slope_depth], axis=-1).astype(np.float32)
    table = np.concatenate([layers, layers[:1]])
    turn, side = rng.uniform(0, 2 * np.pi, 2)
    room = max(0.0, float(radius[:, _beside_lens()].min()) - _CLEARANCE)
    strength = bend * rng.uniform(0.2, 1.0)
    shift = min(off_axis * np.sqrt(rng.uniform()), room)
    return Tube(
        radius=np.ascontiguousarray(table[..., 0]),
        table=table,
        bend=(float(strength * np.cos(turn)), float(strength * np.sin(turn))),
        axis=(float(shift * np.cos(side)), float(shift * np.sin(side))),
    )


def _beside_lens() -> slice:
    """Columns of the radius table that lie beside and just before the lens."""
    low, high = ((z - _Z_LOW) / (_Z_HIGH - _Z_LOW) * _DEPTHS for z in (-0.3, 0.6))
    return slice(int(low), int(high))


def _radius_table(rng: np.random.Generator, folds: FoldShape) -> Array:
    """Wall radius [angle, depth]: gentle unevenness minus one ridge a fold."""
    angle = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False, dtype=np.float32)[:, None]
    depth = np.linspace(_Z_LOW, _Z_HIGH, _DEPTHS, dtype=np.float32)[None, :]
    reach = folds.waviness * folds.spacing + 5 * folds.width
    ridge = np.zeros((_ANGLES, _DEPTHS), dtype=np.float32)
    taenia = rng.uniform(0, 2 * np.pi)
    position = _Z_LOW + folds.spacing * rng.uniform(0, 1)
    while position < _Z_HIGH:
        part = np.flatnonzero(np.abs(depth[0] - position) < reach)
        crest = _one_fold(rng, folds, angle, depth[:, part], position, taenia)
        ridge[:, part] = np.maximum(ridge[:, part], crest)
        position += folds.spacing * rng.uniform(0.6, 1.45)
    uneven = 0.07 * smooth_field(rng, (_ANGLES, _DEPTHS), (5, 16), periodic=True)
    fine = 0.012 * smooth_field(rng, (_ANGLES, _DEPTHS), (20, 64), periodic=True)
    return np.asarray(1.05 + uneven + fine - ridge, dtype=np.float32)


def _one_fold(
    rng: np.random.Generator,
    folds: FoldShape,
    angle: Array,
    depth: Array,
    position: float,
    taenia: float,
) -> Array:
    """Height [angle, depth] of one semilunar fold, highest between the taeniae."""
    phase = rng.uniform(0, 2 * np.pi, 4)
    reach = 0.55 + folds.lobes * (
        0.35 * np.cos(3 * (angle - taenia)) + 0.45 * np.cos(angle - phase[0]) + 0.25 * np.cos(2 * angle - phase[1])
    )
    sway = folds.waviness * folds.spacing * (0.7 * np.cos(angle - phase[2]) + 0.3 * np.cos(2 * angle - phase[3]))
    width = folds.width * rng.uniform(0.8, 1.3)
    offset = (depth - position - sway) / width
    crest = np.exp(-(np.abs(np.where(offset < 0, offset / 1.5, offset)) ** 1.8))
    return np.asarray(folds.depth * rng.uniform(0.6, 1.2) * np.clip(reach, 0, 1.3) * crest, dtype=np.float32)


def _bend_factor(z: Array) -> Array:
    """How far the axis has bent at depth z: offset = axis at z = 0 + bend * factor."""
    return np.asarray(z * z / (1.0 + 0.25 * np.abs(z)), dtype=np.float32)


def _bend_slope(z: Array) -> Array:
    """Derivative of the bend factor."""
    softness = 1.0 + 0.25 * np.abs(z)
    return np.asarray((2.0 * z + 0.25 * z * np.abs(z)) / (softness * softness), np.float32)


def wall_coordinates(tube: Tube, points: Array) -> tuple[Array, Array, Array, Array]:
    """Distance from the axis, angle, and the unit vector away from the axis (x and y parts)."""
    factor = _bend_factor(points[2])
    dx = points[0] - tube.axis[0] - tube.bend[0] * factor
    dy = points[1] - tube.axis[1] - tube.bend[1] * factor
    rho = np.sqrt(dx * dx + dy * dy) + 1e-6
    return rho, np.arctan2(dy, dx), dx / rho, dy / rho


def _cells(angle: Array, z: Array) -> tuple[Array, Array]:
    """Positions in the radius table."""
    u = (angle + np.float32(np.pi)) * np.float32(_ANGLES / (2 * np.pi))
    v = (z - np.float32(_Z_LOW)) * np.float32((_DEPTHS - 1) / (_Z_HIGH - _Z_LOW))
    return u, v


def wall_distance(tube: Tube, points: Array) -> Array:
    """Gap [N] between points and the wall: positive in the lumen, negative in the tissue."""
    rho, angle, _, _ = wall_coordinates(tube, points)
    u, v = _cells(angle, points[2])
    return sample_table(tube.radius, u, v) - rho


def wall_normal(tube: Tube, points: Array) -> Array:
    """Unit normals [3, N] of the wall, pointing into the lumen."""
    rho, angle, ex, ey = wall_coordinates(tube, points)
    u, v = _cells(angle, points[2])
    slopes = sample_table(tube.table, u, v)
    around = slopes[..., 1] / np.maximum(rho, 0.2)
    slope = _bend_slope(points[2])
    along = slopes[..., 2] + (ex * tube.bend[0] + ey * tube.bend[1]) * slope
    return normalised(np.stack([-ex - around * ey, -ey + around * ex, along]))


def normalised(vectors: Array) -> Array:
    """Vectors [3, N] scaled to length one."""
    length = np.sqrt((vectors * vectors).sum(0)) + 1e-9
    return np.asarray(vectors / length, dtype=np.float32)


def ray_directions(view: CameraView, size_px: int) -> Array:
    """Unit ray directions [3, size_px * size_px] of a pinhole camera, row by row."""
    x, y = pixel_grid(size_px)
    rays = np.stack([x.ravel() * view.half_width, y.ravel() * view.half_width, np.ones(x.size)])
    tilt, azimuth = np.deg2rad(view.tilt_deg), np.deg2rad(view.azimuth_deg)
    around = _rotation_z(azimuth) @ _rotation_y(tilt) @ _rotation_z(-azimuth)
    # Three products spelled out instead of a BLAS call: bytes must not depend on threads.
    turned = np.stack([sum(around[i, j] * rays[j] for j in range(3)) for i in range(3)])
    return normalised(turned)


def _rotation_z(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=np.float32)


def _rotation_y(angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], dtype=np.float32)
