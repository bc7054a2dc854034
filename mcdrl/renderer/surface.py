"""What the rays see: wall and lesions with their colour and relief, and the light on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mcdrl.base.fields import Array, rgb, smoothstep
from mcdrl.renderer.lesions import (
    Lesion,
    Spot,
    body_distance,
    extent,
    footprint,
    lesion_colour,
    lesion_noise,
    local_points,
)
from mcdrl.renderer.mucosa import Atlas, Surface, look_up, mucosa_colour
from mcdrl.renderer.style import Style
from mcdrl.renderer.tube import FAR, Tube, normalised, wall_coordinates, wall_distance, wall_normal


@dataclass(frozen=True)
class Seen:
    """What the rays of a square raster hit: tube, points and ray directions [3, N], side in pixels."""

    tube: Tube
    points: Array
    directions: Array
    size_px: int


@dataclass(frozen=True)
class Tissue:
    """Albedo [N, 3] and unit normal [3, N] at the points seen."""

    albedo: Array
    normal: Array


def opacity(lesion: Lesion, seen: Seen, near: NDArray[np.intp]) -> Array:
    """Opacity [N] of one lesion, computed only for the rays that may show it.

    Cracks and slivers of a few pixels, where lobes and folds just touch, are closed and removed.
    """
    alpha = np.zeros(seen.points.shape[1], dtype=np.float32)
    chosen = seen.points[:, near]
    alpha[near] = extent(lesion, chosen, wall_distance(seen.tube, chosen))
    size = seen.size_px
    closed = ndimage.grey_closing(alpha.reshape(size, size), max(3, size // 32))
    return np.asarray(ndimage.grey_opening(closed, max(2, size // 45)).ravel(), np.float32)


def tissue(
    rng: np.random.Generator,
    style: Style,
    atlas: Atlas,
    seen: Seen,
    placed: list[Lesion],
    alphas: list[Array],
) -> Tissue:
    """The wall with the placed lesions laid over it by their opacities `alphas`, each [N]."""
    surface = look_up(atlas, seen.tube, seen.points, (rng.uniform(), rng.uniform(0, 4)))
    albedo = mucosa_colour(style.mucosa, surface) * _crest_glow(seen.tube, seen.points)[:, None]
    normal = _bumped(wall_normal(seen.tube, seen.points), surface, style.mucosa.relief)
    for one, alpha in zip(placed, alphas, strict=True):
        share = np.flatnonzero(alpha > 0)
        if not share.size:
            continue
        points, over = seen.points[:, share], alpha[share]
        albedo *= (1 - 0.38 * _contact_shadow(one, seen.points, alpha))[:, None]
        normal[:, share] = _lesion_normal(one, over, points, normal[:, share])
        facing = -(normal[:, share] * seen.directions[:, share]).sum(0)
        texture, speckle = lesion_noise(rng, seen.size_px, float(np.sqrt(share.size / np.pi)))
        spot = Spot(
            base=rgb(style.mucosa.colour),
            flat_colour=albedo[share],
            facing=facing,
            centre=footprint(one, points),
            raised=local_points(one, points)[2],
            texture=texture.ravel()[share],
            speckle=speckle.ravel()[share],
            mottling=1 + 1.2 * style.mucosa.mottling * surface.mottling[share],
            vessel=surface.vessel[share],
        )
        painted = lesion_colour(one.lesion_class, style.lesion, spot)
        albedo[share] += (painted - albedo[share]) * over[:, None]
    return Tissue(albedo, _turned_to_view(normal, seen.directions))


def _crest_glow(tube: Tube, points: Array) -> Array:
    """Brightness factor [N]: fold crests are thin and let light through, the wall behind is full."""
    rho = wall_coordinates(tube, points)[0]
    return np.asarray(0.96 + 0.9 * np.clip(1.02 - rho, 0, 0.4), dtype=np.float32)


def _contact_shadow(lesion: Lesion, points: Array, alpha: Array) -> Array:
    """Shadow [N] in 0..1 that a raised lesion throws on the wall around its foot."""
    shadow = np.zeros_like(alpha)
    if len(lesion.lobes):
        shift = points - lesion.origin[:, None]
        around = np.flatnonzero(((shift * shift).sum(0) < (2.2 * lesion.radius) ** 2) & (alpha < 1))
        gap = np.clip(body_distance(lesion, points[:, around]) / lesion.radius, 0, None)
        shadow[around] = np.exp(-((gap / 0.30) ** 2))
    return shadow


def _turned_to_view(normal: Array, directions: Array) -> Array:
    """Normals with the grazing ones bent towards the eye: tissue edges glow, they have no outline."""
    lack = np.clip(0.35 + (normal * directions).sum(0), 0, None)
    return normalised(normal - lack * directions)


def _bumped(normal: Array, surface: Surface, relief: float) -> Array:
    """Normals tilted by the small relief of the mucosa."""
    tilt = np.stack([-normal[1], normal[0], np.zeros_like(normal[0])])
    shifted = normal - relief * surface.slope_around * tilt
    shifted[2] -= relief * surface.slope_along
    return normalised(shifted)


def _lesion_normal(lesion: Lesion, alpha: Array, points: Array, wall: Array) -> Array:
    """Normals [3, n] of a lesion's body, going over into the wall's at its foot."""
    if not len(lesion.lobes):
        return wall
    step = 0.04 * lesion.radius
    here = body_distance(lesion, points)
    ahead = []
    for axis in range(3):
        moved = points.copy()
        moved[axis] += step
        ahead.append(body_distance(lesion, moved) - here)
    body = normalised(np.stack(ahead))
    return normalised(wall * (1 - alpha) + body * alpha)


def light(style: Style, seen: Seen, surface: Tissue) -> Array:
    """Radiance [N, 3]: two lamps beside the lens, light scattered in the tube, creases in shadow."""
    organ, points, normal = style.organ, seen.points, surface.normal
    distance = np.sqrt((points * points).sum(0))
    direct = np.zeros_like(distance)
    for lamp in (rgb([0.10, 0.03, 0.0]), rgb([-0.08, -0.05, 0.0])):
        towards = normalised(lamp[:, None] - points)
        direct += 0.5 * np.clip(((normal * towards).sum(0) + 0.35) / 1.35, 0, 1)
    fall = (0.9 / (distance + 0.15)) ** organ.falloff
    crease = np.clip(wall_distance(seen.tube, points + 0.16 * normal) / 0.15, 0.35, 1.0)
    deep = smoothstep(distance, 1.5, FAR * 0.6)
    scattered = organ.ambient * (0.35 + 0.65 * crease) * fall
    energy = (1 - organ.ambient) * direct * fall * (0.55 + 0.45 * crease) + scattered
    energy = energy * (1 - 0.85 * smoothstep(distance, 4.0, 9.0))
    # Light that has met tissue before is redder: deep and creased places glow red, not grey.
    reddened = np.clip(surface.albedo, 0.02, 1) ** (1 + 0.45 * deep + 0.35 * (1 - crease))[:, None]
    gloss = style.mucosa.sheen * np.clip(-(normal * seen.directions).sum(0), 0, 1) ** 24
    radiance = reddened * energy[:, None] + (gloss * 0.5 * fall)[:, None]
    return np.asarray(radiance, dtype=np.float32)
