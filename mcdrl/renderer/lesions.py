"""Five classes of lesions: their form on the wall, their colour, and their exact extent.

A lesion lives in a local frame at a wall point: axes along the wall and out of it, lengths in
lesion radii. Raised lesions are blobs (signed distance below); inflammation is flat and has a
footprint only. Points are float32 [3, N].
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mcdrl.base.fields import Array, fractal, noise, rgb, smoothstep
from mcdrl.renderer.style import LesionLook
from mcdrl.renderer.tube import normalised


@dataclass(frozen=True)
class ClassForm:
    """Apparent radius in half frame widths, stretch, soft edge and blend into the wall (radii)."""

    radius: float
    stretch: float
    edge: float
    blend: float


FORMS: dict[str, ClassForm] = {
    "polyp": ClassForm(radius=0.27, stretch=1.25, edge=0.07, blend=0.40),
    "tumor": ClassForm(radius=0.44, stretch=1.3, edge=0.07, blend=0.22),
    "inflammation": ClassForm(radius=0.46, stretch=1.35, edge=0.16, blend=0.0),
    "nodule": ClassForm(radius=0.19, stretch=1.08, edge=0.10, blend=0.45),
    "cyst": ClassForm(radius=0.28, stretch=1.12, edge=0.06, blend=0.25),
}


_SKIN = 0.14  # the seam between body and wall lies within this distance of the body (radii)


@dataclass(frozen=True)
class Lesion:
    """One lesion: class, frame (origin [3], axes [3, 3] as rows), size, lobes, outline waves."""

    lesion_class: str
    origin: Array
    axes: Array
    radius: float
    lobes: Array
    wave_phase: Array
    wave_height: Array


def make_lesion(rng: np.random.Generator, lesion_class: str, origin: Array, outward: Array, radius: float) -> Lesion:
    """Random lesion of a class, placed at `origin` [3] with unit direction `outward` [3]."""
    height = {"tumor": 0.16, "inflammation": 0.15, "polyp": 0.06}.get(lesion_class, 0.025)
    return Lesion(
        lesion_class=lesion_class,
        origin=origin,
        axes=_axes(rng, outward, FORMS[lesion_class].stretch ** rng.uniform(-1, 1)),
        radius=radius,
        lobes=_lobes(rng, lesion_class),
        wave_phase=rng.uniform(0, 2 * np.pi, 7).astype(np.float32),
        wave_height=(height * rng.normal(0, 1, 7) / np.sqrt(np.arange(1, 8))).astype(np.float32),
    )


def _axes(rng: np.random.Generator, outward: Array, stretch: float) -> Array:
    """Rows: two directions in the wall, scaled by the stretch, and the outward one."""
    helper = rgb([1.0, 0.0, 0.0]) if abs(outward[0]) < 0.8 else rgb([0.0, 1.0, 0.0])
    first = normalised(np.cross(outward, helper)[:, None])[:, 0]
    second = np.cross(outward, first)
    turn = rng.uniform(0, 2 * np.pi)
    a = np.cos(turn) * first + np.sin(turn) * second
    b = -np.sin(turn) * first + np.cos(turn) * second
    root = np.sqrt(stretch)
    return np.asarray(np.stack([a * root, b / root, outward]), dtype=np.float32)


def _lobes(rng: np.random.Generator, lesion_class: str) -> Array:
    """Blobs [J, 5]: centre (3), radius, flattening along the outward axis."""
    makers: dict[str, Callable[[np.random.Generator], list[list[float]]]] = {
        "polyp": _polyp_lobes,
        "tumor": _tumor_lobes,
        "nodule": lambda r: [[0, 0, -0.15 * r.uniform(), 0.98, 0.62]],
        "cyst": lambda r: [[0, 0, -0.1 * r.uniform(), 0.98, r.uniform(0.55, 0.8)]],
        "inflammation": lambda _: [],
    }
    return np.array(makers[lesion_class](rng), dtype=np.float32).reshape(-1, 5)


def _polyp_lobes(rng: np.random.Generator) -> list[list[float]]:
    lobes: list[list[float]] = [[0, 0, rng.uniform(-0.1, 0.25), 0.88, rng.uniform(0.5, 0.85)]]
    for _ in range(int(rng.integers(0, 4))):
        turn, out = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.5)
        size = rng.uniform(0.4, 0.6)
        lobes.append([out * np.cos(turn), out * np.sin(turn), rng.uniform(0.0, 0.3), size, 0.9])
    return lobes


def _tumor_lobes(rng: np.random.Generator) -> list[list[float]]:
    lobes: list[list[float]] = [[0, 0, -0.05, 0.7, 0.6]]
    for k in range(int(rng.integers(5, 9))):
        turn, out = k * 2.4 + rng.uniform(-0.5, 0.5), rng.uniform(0.4, 0.72)
        size = rng.uniform(0.26, 0.46)
        lobes.append([out * np.cos(turn), out * np.sin(turn), rng.uniform(-0.1, 0.2), size, 1.0])
    return lobes


def local_points(lesion: Lesion, points: Array) -> Array:
    """Points [3, N] in the lesion's frame, in radii."""
    shifted = points - lesion.origin[:, None]
    rows = [sum(lesion.axes[i, j] * shifted[j] for j in range(3)) for i in range(3)]
    return np.asarray(np.stack(rows) / lesion.radius, dtype=np.float32)


def body_distance(lesion: Lesion, points: Array) -> Array:
    """Signed distance [N] to a raised lesion's body, in the scene's lengths."""
    local = local_points(lesion, points)
    best: Array | None = None
    for cx, cy, cz, size, flat in lesion.lobes:
        dx, dy, dz = local[0] - cx, local[1] - cy, (local[2] - cz) / flat
        gap = np.sqrt(dx * dx + dy * dy + dz * dz) - size
        best = gap if best is None else smooth_minimum(best, gap, 0.18)
    if best is None:
        return np.full(points.shape[1], np.inf, dtype=np.float32)
    return np.asarray((best - _waves(lesion, local)) * lesion.radius, dtype=np.float32)


def _waves(lesion: Lesion, local: Array) -> Array:
    """Bumps of the surface, in radii."""
    phase, height = lesion.wave_phase, lesion.wave_height
    low = np.sin(4.1 * local[0] + phase[0]) * np.sin(3.7 * local[1] + phase[1])
    high = np.sin(8.3 * local[0] + phase[2]) * np.sin(7.1 * local[1] + phase[3])
    rough = 0.5 if lesion.lesion_class == "tumor" else 0.25
    waves = height[0] * low + rough * height[1] * high * np.sin(7.7 * local[2] + phase[4])
    return np.asarray(np.clip(waves, -0.16, 0.16), dtype=np.float32)


def footprint(lesion: Lesion, points: Array) -> Array:
    """Distance [N] from the centre along the wall over the outline's: below 1 is inside."""
    local = local_points(lesion, points)
    angle = np.arctan2(local[1], local[0])
    outline = np.ones_like(angle)
    for k, (height, phase) in enumerate(zip(lesion.wave_height, lesion.wave_phase, strict=True)):
        outline += 0.9 * height * np.cos((k + 1) * angle + phase)
    out = np.sqrt(local[0] ** 2 + local[1] ** 2 + 2.0 * local[2] ** 2)
    return np.asarray(out / np.clip(outline, 0.5, 1.7), dtype=np.float32)


def smooth_minimum(a: Array, b: Array, width: float) -> Array:
    """Minimum of two distances with a rounded seam of the given width."""
    if width <= 0:
        return np.minimum(a, b)
    h = np.clip(width - np.abs(a - b), 0, None) / width
    return np.asarray(np.minimum(a, b) - h * h * width * 0.25, dtype=np.float32)


def extent(lesion: Lesion, points: Array, wall: Array) -> Array:
    """Opacity [N] in 0..1 of the lesion at surface points; above 0.5 it counts as lesion.

    `wall` is the gap between the points and the healthy wall: a raised lesion covers the points
    that are nearer to its body than to the wall.
    """
    edge = FORMS[lesion.lesion_class].edge
    if len(lesion.lobes):
        body = body_distance(lesion, points) / lesion.radius
        # The second bound keeps rays that only pass close to the body, along a fold, out of it.
        inside = np.minimum(wall / lesion.radius - body, _SKIN - body)
    else:
        inside = 1.0 - footprint(lesion, points)
    return np.asarray(smoothstep(inside, -edge, edge), dtype=np.float32)


@dataclass(frozen=True)
class Spot:
    """What colours a lesion where it is seen; arrays are [N], `flat_colour` is [N, 3].

    facing: cosine between surface and view; centre: footprint; raised: height in radii;
    texture and speckle: smooth noises; mottling: brightness of the mucosa's own texture, about 1;
    vessel: darkness 0..1; base: mean mucosa colour [3].
    """

    base: Array
    flat_colour: Array
    facing: Array
    centre: Array
    raised: Array
    texture: Array
    speckle: Array
    mottling: Array
    vessel: Array


def lesion_noise(rng: np.random.Generator, size_px: int, radius_px: float) -> tuple[Array, Array]:
    """Texture and speckle fields [H, W] whose grain follows the lesion's size in the frame."""
    cells = int(np.clip(size_px / (0.3 * radius_px + 2.0), 10, size_px // 4))
    fine = min(cells * 2, size_px // 3)
    return fractal(rng, size_px, cells, octaves=2), noise(rng, size_px, fine)


def lesion_colour(lesion_class: str, look: LesionLook, at: Spot) -> Array:
    """Albedo [N, 3] of a lesion of the class; `look` sets contrast and tint."""
    painters = {
        "polyp": _polyp,
        "tumor": _tumor,
        "inflammation": _inflammation,
        "nodule": _nodule,
        "cyst": _cyst,
    }
    foot = 1.0 if lesion_class == "inflammation" else 0.74 + 0.26 * smoothstep(at.raised, 0.0, 0.5)
    colour = painters[lesion_class](at) * (at.mottling * foot)[:, None] + rgb(look.tint)
    healthy = at.flat_colour if lesion_class == "inflammation" else at.base[None, :]
    return np.asarray(np.clip(healthy + look.contrast * (colour - healthy), 0.02, 1.3), np.float32)


def _mix(a: Array, b: Array, share: Array) -> Array:
    return np.asarray(a + (b - a) * share[:, None], dtype=np.float32)


def _polyp(at: Spot) -> Array:
    """Reddened and finely pitted, with some surface vessels."""
    pits = 1 + 0.10 * at.texture + 0.07 * at.speckle
    lines = np.clip(at.vessel, 0, 1)[:, None] * rgb([0.08, 0.25, 0.2])
    colour = at.base * rgb([1.0, 0.74, 0.75]) * (1 - lines)
    return np.asarray(colour * pits[:, None], dtype=np.float32)


def _tumor(at: Spot) -> Array:
    """Livid and coarse, with yellowish necrosis in the crater and haemorrhagic spots."""
    colour = at.base * rgb([0.80, 0.58, 0.64]) * (1 + 0.13 * at.texture + 0.10 * at.speckle)[:, None]
    necrosis = smoothstep(at.texture + 0.4 * at.speckle + 0.8 * (0.6 - at.centre), 0.3, 2.4) * 0.7
    blood = smoothstep(at.speckle - 0.3 * at.texture, 0.9, 2.3) * 0.65
    colour = _mix(colour, at.base * rgb([0.94, 1.28, 1.12]), necrosis)
    return _mix(colour, rgb([0.34, 0.06, 0.06]), blood)


def _inflammation(at: Spot) -> Array:
    """Erythema that hides the vessels, with petechiae and small whitish erosions."""
    red = at.flat_colour * rgb([0.97, 0.64, 0.66]) * (1 + 0.07 * at.texture)[:, None]
    erosion = smoothstep(at.speckle + 0.25 * at.texture - 0.4 * at.centre, 1.0, 1.8) * 0.7
    petechiae = smoothstep(-at.speckle - 0.3 * at.texture, 0.9, 1.5) * 0.5
    red = _mix(red, at.base * rgb([0.62, 0.30, 0.32]), petechiae)
    return _mix(red, at.base * rgb([1.02, 1.38, 1.25]), erosion)


def _nodule(at: Spot) -> Array:
    """Firm, pale and yellowish, smooth, with the mucosa's own red at its foot."""
    top = smoothstep(at.raised, 0.05, 0.6)
    pale = at.base * rgb([1.05, 1.28, 1.10]) * (1 + 0.03 * at.texture)[:, None]
    return _mix(at.base * rgb([1.0, 0.98, 0.95]), pale, 0.35 + 0.65 * top)


def _cyst(at: Spot) -> Array:
    """Translucent, grey-blue and glassy, brighter towards the rim, crossed by fine vessels."""
    rim = (1 - np.clip(at.facing, 0, 1)) ** 2
    fluid = 0.5 * at.base + 0.5 * rgb([0.72, 0.70, 0.62])
    colour = _mix(fluid * np.ones((len(rim), 1), np.float32), rgb([0.95, 0.84, 0.76]), 0.8 * rim)
    lines = np.clip(1.5 * at.vessel, 0, 1)[:, None] * rgb([0.10, 0.42, 0.32])
    return np.asarray(colour * (1 - lines), dtype=np.float32)
