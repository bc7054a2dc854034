"""Where lesions lie: on wall that is lit, near, and seen from above rather than edge-on."""

import numpy as np

from mcdrl.base.fields import Array, gaussian, pixel_grid, smoothstep
from mcdrl.renderer.camera import aperture_mask
from mcdrl.renderer.lesions import FORMS, Lesion, make_lesion
from mcdrl.renderer.plan import ScenePlan
from mcdrl.renderer.style import Style
from mcdrl.renderer.trace import Hits
from mcdrl.renderer.tube import CameraView, Tube, normalised, ray_directions, wall_normal


def place_lesions(
    rng: np.random.Generator, style: Style, plan: ScenePlan, tube: Tube, view: CameraView, coarse: Hits
) -> list[Lesion]:
    """Place the plan's lesions (none, one or more) at random, apart from one another."""
    if plan.lesion_class is None:
        return []
    directions = ray_directions(view, coarse.size_px)
    points = coarse.distance * directions
    normals = wall_normal(tube, points)
    facing = -(normals * directions).sum(0)
    form = FORMS[plan.lesion_class]
    weight = _placement_weight(coarse, facing, aperture_mask(style.camera, coarse.size_px))
    placed: list[Lesion] = []
    for _ in range(plan.lesion_count):
        radius = form.radius * style.lesion.size * _lesion_scale(plan) * rng.uniform(0.75, 1.3)
        pick = _pick(rng, weight)
        outward = normalised((normals[:, pick] * 0.75 - directions[:, pick] * 0.25)[:, None])[:, 0]
        length = float(radius * coarse.distance[pick] * view.half_width)
        placed.append(make_lesion(rng, plan.lesion_class, points[:, pick], outward, length))
        weight = weight * _away(coarse.size_px, pick, 2.3 * radius)
    return placed


def _placement_weight(coarse: Hits, facing: Array, aperture: Array) -> Array:
    """How well a coarse ray's wall point [N] suits a lesion; never all zero."""
    x, y = pixel_grid(coarse.size_px)
    margin = np.asarray(0.86 - np.maximum(np.abs(x), np.abs(y)), dtype=np.float32)
    inside = smoothstep(margin, 0, 0.15) * (gaussian(aperture, 3) > 0.99)
    near = smoothstep(4.5 - coarse.distance, 0, 2.5)
    weight = inside.ravel() * near * smoothstep(facing, 0.2, 0.6)
    fallback = inside.ravel() / (0.2 + coarse.distance)
    return np.asarray(weight if weight.sum() > 1.0 else fallback, dtype=np.float32)


def _pick(rng: np.random.Generator, weight: Array) -> int:
    """Index drawn in proportion to the weights [N]."""
    total = np.cumsum(weight, dtype=np.float64)
    return int(min(np.searchsorted(total, rng.uniform(0, total[-1])), weight.size - 1))


def _away(size_px: int, pick: int, reach: float) -> Array:
    """1 [N] beyond `reach` (half widths) of a picked pixel, a small number within it."""
    i, j = np.divmod(np.arange(size_px * size_px), size_px)
    out = np.hypot(i - pick // size_px, j - pick % size_px) * 2 / size_px
    return np.where(out > reach, 1.0, 1e-4).astype(np.float32)


def _lesion_scale(plan: ScenePlan) -> float:
    """Apparent size under near and far views."""
    return 1 + 0.55 * plan.near - 0.42 * plan.far
